/** A phone gets a newer app from its store: nothing here can do that. */
export const reloadApp: (() => void) | null = null;
