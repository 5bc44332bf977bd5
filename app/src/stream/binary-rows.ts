/**
 * Rows of binary frames as values of the stores. The caller has checked that the bytes are there.
 *
 * A tick reads its numbers out of the frame when somebody asks for them: of a chain most rows change
 * without being on the screen. What could be refused is looked at when the frame comes.
 */
import type { AnalyticsStatus, Quality } from '@/api/types';
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

class QuoteRow implements QuoteTick {
  constructor(
    private readonly view: DataView,
    private readonly from: number,
    private readonly power: number,
    readonly symbol: string,
    readonly quality: Quality,
    readonly at: number,
  ) {}

  get bid() {
    return price(this.view, this.from + 4, this.power);
  }
  get ask() {
    return price(this.view, this.from + 8, this.power);
  }
  get last() {
    return price(this.view, this.from + 12, this.power);
  }
  get open() {
    return price(this.view, this.from + 16, this.power);
  }
  get high() {
    return price(this.view, this.from + 20, this.power);
  }
  get low() {
    return price(this.view, this.from + 24, this.power);
  }
  get previousClose() {
    return price(this.view, this.from + 28, this.power);
  }
  get bidSize() {
    return count(this.view, this.from + 32);
  }
  get askSize() {
    return count(this.view, this.from + 36);
  }
  get volume() {
    return long(this.view, this.from + 40, this.from + 44);
  }
  get asOf() {
    return long(this.view, this.from + 48, this.from + 46);
  }
  get flags() {
    return this.view.getUint8(this.from + 54);
  }
}

/** A row of layout 1; null when its quality is a word this app does not know. */
export function quoteAt(
  view: DataView,
  from: number,
  words: Words,
  symbol: string,
  arrived: number,
): QuoteTick | null {
  const quality = words.quality[view.getUint8(from + 53)] ?? null;
  const power = divisor(view.getUint8(from + 52));
  return quality === null ? null : new QuoteRow(view, from, power, symbol, quality, arrived);
}

/** The place of the row's contract in the list of its snapshot. */
export function contractIndex(view: DataView, at: number): number {
  return view.getUint16(at, true);
}

class ContractRow implements ContractTick {
  constructor(
    private readonly view: DataView,
    private readonly from: number,
    private readonly power: number,
    readonly status: AnalyticsStatus,
    readonly at: number,
  ) {}

  get bid() {
    return price(this.view, this.from + 4, this.power);
  }
  get ask() {
    return price(this.view, this.from + 8, this.power);
  }
  get last() {
    return price(this.view, this.from + 12, this.power);
  }
  get bidSize() {
    return count(this.view, this.from + 16);
  }
  get askSize() {
    return count(this.view, this.from + 20);
  }
  get volume() {
    return count(this.view, this.from + 24);
  }
  get iv() {
    return float(this.view, this.from + 28);
  }
  get delta() {
    return float(this.view, this.from + 32);
  }
  get gamma() {
    return float(this.view, this.from + 36);
  }
  get theta() {
    return float(this.view, this.from + 40);
  }
  get vega() {
    return float(this.view, this.from + 44);
  }
  get rho() {
    return float(this.view, this.from + 48);
  }
  get asOf() {
    return long(this.view, this.from + 52, this.from + 56);
  }
  get flags() {
    return this.view.getUint8(this.from + 58);
  }
}

/** A row of layout 2; null when its status is a word this app does not know. */
export function contractAt(
  view: DataView,
  from: number,
  words: Words,
  arrived: number,
): ContractTick | null {
  const status = words.status[view.getUint8(from + 3)] ?? null;
  const power = divisor(view.getUint8(from + 2));
  return status === null ? null : new ContractRow(view, from, power, status, arrived);
}
