/** Whether the device has a network. Phones learn it from the socket, so here it is always yes. */
export function useOnline(): boolean {
  return true;
}

export function onOnline(_listener: () => void): () => void {
  return () => undefined;
}
