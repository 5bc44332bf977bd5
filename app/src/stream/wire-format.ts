/** How numbers travel: bytes, or text that a developer can read in the browser's own tools. */
import { ExternalStore } from '@/lib/external-store';
import { loadJson, removeKey, saveJson } from '@/lib/storage';
import type { Format } from '@/stream/protocol';

const KEY = 'optix.stream.format';

export const wireFormat = new ExternalStore<Format>('binary');

export async function loadWireFormat(): Promise<void> {
  if ((await loadJson(KEY)) === 'json') wireFormat.set('json');
}

export async function chooseWireFormat(format: Format): Promise<void> {
  wireFormat.set(format);
  await (format === 'json' ? saveJson(KEY, format) : removeKey(KEY));
}
