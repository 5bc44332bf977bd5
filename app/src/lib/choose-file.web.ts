/** One file of the person's choice, in the browser's own window. */
import type { ChosenFile } from '@/lib/choose-file';

/** Null when nothing was chosen. The bytes are read only when they are asked for. */
export function chooseFile(): Promise<ChosenFile | null> {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.csv,.xml,.ofx,.qfx,.txt';
  return new Promise((resolve) => {
    input.addEventListener('cancel', () => resolve(null));
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      resolve(
        file === undefined
          ? null
          : {
              name: file.name,
              size: file.size,
              bytes: async () => new Uint8Array(await file.arrayBuffer()),
            },
      );
    });
    input.click();
  });
}
