/** Rows of binary frames as values of the stores. The caller has checked that the bytes are there. */
import { BadFrame, type ContractTick, type QuoteTick, type Words } from '@/stream/protocol';

const POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8] as const;
const FLOATS = 255;
const NO_PRICE = -(2 ** 31);
const NO_COUNT = 2 ** 32 - 1;
const NO_HIGH = 2 ** 16 - 1;
const HIGH = 2 ** 32;

function float(view: DataView, at: number): number | null {
  const value = view.getFloat32(at, true);
  return Number.isFinite(value) ? value : null;
}

/** What to divide prices by; 0 when the row holds them as floats. */
function divisor(scale: number): number {
  if (scale === FLOATS) return 0;
  const power = POWERS[scale];
  if (power === undefined) throw new BadFrame('scale');
  return power;
}

function price(view: DataView, at: number, power: number): number | null {
  if (power === 0) return float(view, at);
  const value = view.getInt32(at, true);
  return value === NO_PRICE ? null : value / power;
}

function count(view: DataView, at: number): number | null {
  const value = view.getUint32(at, true);
  return value === NO_COUNT ? null : value;
}

function long(view: DataView, low: number, high: number): number | null {
  const lower = view.getUint32(low, true);
  const upper = view.getUint16(high, true);
  return lower === NO_COUNT && upper === NO_HIGH ? null : upper * HIGH + lower;
}

/** The number by which the header of its snapshot names the row's symbol. */
export function quoteId(view: DataView, at: number): number {
  return view.getUint32(at, true);
}

/** A row of layout 1; null when its quality is a word this app does not know. */
export function quoteAt(
  view: DataView,
  at: number,
  words: Words,
  symbol: string,
  arrived: number,
): QuoteTick | null {
  const quality = words.quality[view.getUint8(at + 53)] ?? null;
  const power = divisor(view.getUint8(at + 52));
  if (quality === null) return null;
  return {
    symbol,
    bid: price(view, at + 4, power),
    ask: price(view, at + 8, power),
    bidSize: count(view, at + 32),
    askSize: count(view, at + 36),
    last: price(view, at + 12, power),
    open: price(view, at + 16, power),
    high: price(view, at + 20, power),
    low: price(view, at + 24, power),
    previousClose: price(view, at + 28, power),
    volume: long(view, at + 40, at + 44),
    asOf: long(view, at + 48, at + 46),
    quality,
    flags: view.getUint8(at + 54),
    at: arrived,
  };
}

/** The place of the row's contract in the list of its snapshot. */
export function contractIndex(view: DataView, at: number): number {
  return view.getUint16(at, true);
}

/** A row of layout 2; null when its status is a word this app does not know. */
export function contractAt(
  view: DataView,
  at: number,
  words: Words,
  arrived: number,
): ContractTick | null {
  const status = words.status[view.getUint8(at + 3)] ?? null;
  const power = divisor(view.getUint8(at + 2));
  if (status === null) return null;
  return {
    bid: price(view, at + 4, power),
    ask: price(view, at + 8, power),
    bidSize: count(view, at + 16),
    askSize: count(view, at + 20),
    last: price(view, at + 12, power),
    volume: count(view, at + 24),
    iv: float(view, at + 28),
    delta: float(view, at + 32),
    gamma: float(view, at + 36),
    theta: float(view, at + 40),
    vega: float(view, at + 44),
    rho: float(view, at + 48),
    status,
    flags: view.getUint8(at + 58),
    asOf: long(view, at + 52, at + 56),
    at: arrived,
  };
}
