/** Binary frames for tests, written from docs/streaming.md and not from the reader. */
import type { Words } from '@/stream/protocol';

export const WORDS: Words = {
  quality: ['realtime', 'delayed', 'stale', 'modelled', 'replay', 'simulated', null],
  status: ['ok', 'no_quote', 'no_bid', null],
};

export interface QuoteBytes {
  id: number;
  prices: readonly (number | null)[];
  sizes: readonly (number | null)[];
  volume: number | null;
  asOf: number | null;
  scale: number;
  codes: readonly [quality: number, flags: number, trading: number];
}

export interface ContractBytes {
  i: number;
  scale: number;
  status: number;
  prices: readonly (number | null)[];
  counts: readonly (number | null)[];
  floats: readonly (number | null)[];
  asOf: number | null;
  flags: number;
}

const HIGH = 2 ** 32;

class Writer {
  private readonly bytes: number[] = [];

  private put(size: number, write: (view: DataView) => void): void {
    const view = new DataView(new ArrayBuffer(size));
    write(view);
    this.bytes.push(...new Uint8Array(view.buffer));
  }

  u8 = (value: number) => this.put(1, (view) => view.setUint8(0, value));
  u16 = (value: number) => this.put(2, (view) => view.setUint16(0, value, true));
  u32 = (value: number) => this.put(4, (view) => view.setUint32(0, value, true));
  count = (value: number | null) => this.u32(value ?? HIGH - 1);
  f32 = (value: number | null) => this.put(4, (view) => view.setFloat32(0, value ?? NaN, true));
  price = (value: number | null, scale: number) => {
    if (scale === 255) return this.f32(value);
    const whole = value === null ? -(2 ** 31) : Math.round(value * 10 ** scale);
    return this.put(4, (view) => view.setInt32(0, whole, true));
  };
  low = (value: number | null) => this.u32(value === null ? HIGH - 1 : value % HIGH);
  high = (value: number | null) => this.u16(value === null ? 65_535 : Math.floor(value / HIGH));
  text = (text: string) => this.bytes.push(...new TextEncoder().encode(text));
  done = () => Uint8Array.from(this.bytes).buffer;
}

function head(kind: number, layout: number, id: number, n: number, rows: number, seen: number) {
  const to = new Writer();
  to.u8(kind);
  to.u8(layout);
  to.u16(0);
  to.u32(id);
  to.u32(n);
  to.u32(rows);
  to.u32(seen % HIGH);
  to.u32(Math.floor(seen / HIGH));
  return to;
}

export interface FrameBytes {
  id: number;
  n: number;
  seen: number;
  header: object | null;
  kind?: number;
}

export function quoteFrame(frame: FrameBytes, rows: readonly QuoteBytes[]): ArrayBuffer {
  const kind = frame.kind ?? (frame.n === 0 ? 1 : 2);
  const to = head(kind, 1, frame.id, frame.n, rows.length, frame.seen);
  for (const row of rows) {
    to.u32(row.id);
    for (const price of row.prices) to.price(price, row.scale);
    for (const size of row.sizes) to.count(size);
    to.low(row.volume);
    to.high(row.volume);
    to.high(row.asOf);
    to.low(row.asOf);
    to.u8(row.scale);
    for (const code of row.codes) to.u8(code);
  }
  if (frame.header !== null) to.text(JSON.stringify(frame.header));
  return to.done();
}

export function chainFrame(frame: FrameBytes, rows: readonly ContractBytes[]): ArrayBuffer {
  const kind = frame.kind ?? (frame.n === 0 ? 1 : 2);
  const to = head(kind, 2, frame.id, frame.n, rows.length, frame.seen);
  for (const row of rows) {
    to.u16(row.i);
    to.u8(row.scale);
    to.u8(row.status);
    for (const price of row.prices) to.price(price, row.scale);
    for (const count of row.counts) to.count(count);
    for (const value of row.floats) to.f32(value);
    to.low(row.asOf);
    to.high(row.asOf);
    to.u8(row.flags);
    to.u8(0);
  }
  if (frame.header !== null) to.text(JSON.stringify(frame.header));
  return to.done();
}

/** The numbers of a tick by name, whether it holds them or reads them out of a frame. */
export function plain<T extends object>(tick: T | null | undefined, like: object): object | null {
  if (tick === null || tick === undefined) return null;
  return Object.fromEntries(Object.keys(like).map((name) => [name, tick[name as keyof T]]));
}
