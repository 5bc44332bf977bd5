/** Whether the person asked the browser for little traffic; browsers that cannot say mean no. */
interface NetworkInformation extends EventTarget {
  saveData?: boolean;
}

function network(): NetworkInformation | undefined {
  return (navigator as Navigator & { connection?: NetworkInformation }).connection;
}

/** Tell now, and on every change. */
export function onDataSaver(listener: (saver: boolean) => void): () => void {
  const tell = () => listener(network()?.saveData === true);
  tell();
  network()?.addEventListener?.('change', tell);
  return () => network()?.removeEventListener?.('change', tell);
}
