/** One file of the person's choice, on a phone: from the system's own list. */
import { File } from 'expo-file-system';

export interface ChosenFile {
  name: string;
  size: number;
  bytes: () => Promise<Uint8Array>;
}

/** Null when nothing was chosen. The bytes are read only when they are asked for. */
export async function chooseFile(): Promise<ChosenFile | null> {
  const { canceled, result } = await File.pickFileAsync({ multipleFiles: false });
  if (canceled || result === null) return null;
  return { name: result.name, size: result.size ?? 0, bytes: () => result.bytes() };
}
