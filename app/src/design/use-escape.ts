/** Phones have no Escape key: the back gesture ends a sheet. */
export function useEscape(_active: boolean, _onEscape: () => void): void {}
