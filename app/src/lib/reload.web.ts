/** In a browser a newer app is one reload away. */
export const reloadApp: (() => void) | null = () => window.location.reload();
