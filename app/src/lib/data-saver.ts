/** Whether the person asked for little traffic. Phones do not tell an app without more rights: no. */
export function onDataSaver(listener: (saver: boolean) => void): () => void {
  listener(false);
  return () => undefined;
}
