/**
 * Binary frames (docs/streaming.md, "Binary frames"), bounds checked before anything is read.
 *
 * Rows stay bytes here: `rows.ts` turns each into the value of a store, with nothing in between.
 */
import { BadFrame, isRecord, type Frame, type Header, type Words } from '@/stream/protocol';

const HEAD_BYTES = 24;
const SNAPSHOT = 1;
const CHANGES = 2;
const LAYOUTS = [
  { code: 1, layout: 'quotes', bytes: 56 },
  { code: 2, layout: 'chain', bytes: 60 },
] as const;
export const QUOTE_BYTES = LAYOUTS[0].bytes;
export const CHAIN_BYTES = LAYOUTS[1].bytes;
/** A whole chain is some 100 KB; a frame over this is not one of ours. */
export const FRAME_BYTES_MAX = 4 * 1024 * 1024;

const HIGH = 2 ** 32;

function readHeader(buffer: ArrayBuffer, at: number): Header | null {
  if (at === buffer.byteLength) return null;
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(buffer, at));
    value = JSON.parse(text);
  } catch {
    throw new BadFrame('header');
  }
  if (!isRecord(value)) throw new BadFrame('header');
  return value;
}

function readSeen(view: DataView): number {
  const seen = view.getUint32(16, true) + view.getUint32(20, true) * HIGH;
  if (!Number.isSafeInteger(seen)) throw new BadFrame('seen');
  return seen;
}

/** Null for a kind or layout of a later time; `BadFrame` for what is cut, too long or nonsense. */
export function readBinary(buffer: ArrayBuffer, words: Words | null): Frame | null {
  if (buffer.byteLength < HEAD_BYTES || buffer.byteLength > FRAME_BYTES_MAX)
    throw new BadFrame('length');
  const view = new DataView(buffer);
  const kind = view.getUint8(0);
  const known = LAYOUTS.find((each) => each.code === view.getUint8(1));
  if ((kind !== SNAPSHOT && kind !== CHANGES) || known === undefined) return null;
  if (words === null) throw new BadFrame('no words');
  const count = view.getUint32(12, true);
  const end = HEAD_BYTES + count * known.bytes;
  if (end > buffer.byteLength) throw new BadFrame('rows');
  const id = view.getUint32(4, true);
  const n = view.getUint32(8, true);
  const seen = readSeen(view);
  const header = readHeader(buffer, end);
  const rows = { layout: known.layout, view, at: HEAD_BYTES, count, words };
  if (kind === CHANGES && n > 0) return { type: 'changes', id, n, rows, header, seen };
  if (kind === SNAPSHOT && n === 0 && header !== null)
    return { type: 'snapshot', id, header, rows, seen };
  throw new BadFrame('head');
}
