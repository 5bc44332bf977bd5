/** What the chart and the key figures show, computed from bars, quote and expirations. Pure. */
import type { Bar, BarInterval, ChainContract, Expiration } from '@/api/types';
import { addDays, dateMs, exchangeDate } from '@/lib/dates';
import { isNumber, type Maybe } from '@/lib/format';
import { realisedVol } from '@/lib/market-math';

export type RangeName = '1D' | '5D' | '1M' | '2M' | '1Y' | '5Y';

interface RangeSpec {
  interval: BarInterval;
  /** Calendar days asked for: enough to reach over a long weekend. */
  daysBack: number;
  /** Keep only the bars of the last so many exchange dates; null keeps all. */
  lastDates: number | null;
  cone: boolean;
}

export const RANGES: Readonly<Record<RangeName, RangeSpec>> = {
  '1D': { interval: '5m', daysBack: 5, lastDates: 1, cone: false },
  '5D': { interval: '30m', daysBack: 9, lastDates: 5, cone: false },
  '1M': { interval: '1d', daysBack: 31, lastDates: null, cone: true },
  '2M': { interval: '1d', daysBack: 62, lastDates: null, cone: true },
  '1Y': { interval: '1d', daysBack: 366, lastDates: null, cone: true },
  '5Y': { interval: '1w', daysBack: 1827, lastDates: null, cone: false },
};
export const RANGE_NAMES = Object.keys(RANGES) as RangeName[];

export interface Candle {
  at: number;
  date: string;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number | null;
}

export function rangeStart(range: RangeName, today: string): string {
  return addDays(today, -RANGES[range].daysBack);
}

function toCandle(bar: Bar): Candle {
  const at = Date.parse(bar.at);
  const { open, high, low, close, volume } = bar;
  return { at, date: exchangeDate(at), open, high, low, close, volume };
}

/** The bars of a range, restricted to its last dates. */
export function candlesOf(bars: readonly Bar[], range: RangeName): Candle[] {
  const candles = bars.map(toCandle);
  const keep = RANGES[range].lastDates;
  if (keep === null) return candles;
  const dates = [...new Set(candles.map((candle) => candle.date))].slice(-keep);
  return candles.filter((candle) => dates.includes(candle.date));
}

export interface DayQuote {
  last: Maybe;
  open: Maybe;
  high: Maybe;
  low: Maybe;
  volume: Maybe;
}

/** Whose day a quote tells: before the next open it is still the last session, same open and all. */
function dayOf(candles: readonly Candle[], quote: DayQuote, date: string): string {
  const newest = candles.at(-1);
  return newest !== undefined && newest.open === quote.open ? newest.date : date;
}

/** Daily bars with today's, taken from the live quote, in place of what the history has of it. */
export function withToday(candles: readonly Candle[], quote: DayQuote, date: string): Candle[] {
  const today = dayOf(candles, quote, date);
  const before = candles.filter((candle) => candle.date !== today);
  const { last, open, high, low } = quote;
  if (!isNumber(last)) return [...candles];
  const kept = candles.find((candle) => candle.date === today);
  if (kept === undefined && !isNumber(open)) return before;
  const first = isNumber(open) ? open : (kept?.open ?? last);
  const tops = [first, last, high, kept?.high].filter(isNumber);
  const bottoms = [first, last, low, kept?.low].filter(isNumber);
  const volume = isNumber(quote.volume) ? quote.volume : (kept?.volume ?? null);
  const candle: Candle = {
    at: kept?.at ?? dateMs(today),
    date: today,
    open: first,
    high: Math.max(...tops),
    low: Math.min(...bottoms),
    close: last,
    volume,
  };
  return [...before, candle];
}

export interface Cone {
  date: string;
  days: number;
  /** Expected move at the expiry, one sigma, in dollars. */
  move: number;
  /** Weekdays from now to the expiry: its width on a daily chart. */
  slots: number;
}

export function weekdaysBetween(from: string, to: string): number {
  let count = 0;
  for (let day = addDays(from, 1); day <= to; day = addDays(day, 1)) {
    const weekday = new Date(dateMs(day)).getUTCDay();
    if (weekday !== 0 && weekday !== 6) count += 1;
  }
  return count;
}

const CONE_DAYS_MAX = 120;

/** The cone to an expiration, or null when its move is not known. */
export function coneOf(expiration: Expiration | null, today: string): Cone | null {
  if (expiration === null || !isNumber(expiration.expected_move)) return null;
  if (expiration.days < 1 || expiration.days > CONE_DAYS_MAX) return null;
  return {
    date: expiration.date,
    days: expiration.days,
    move: expiration.expected_move,
    slots: Math.max(1, weekdaysBetween(today, expiration.date)),
  };
}

export interface Figures {
  realised: number | null;
  ivPoints: number | null;
  volumeRatio: number | null;
  yearLow: number | null;
  yearHigh: number | null;
}

const WINDOW = 20;

/** Figures from a year of daily bars (today excluded) and today's quote. */
export function figuresOf(year: readonly Candle[], quote: DayQuote, iv: Maybe): Figures {
  const realised = realisedVol(
    year.map((candle) => candle.close),
    WINDOW,
  );
  const volumes = year.slice(-WINDOW).map((candle) => candle.volume);
  const known = volumes.filter(isNumber);
  const average = known.reduce((sum, each) => sum + each, 0) / Math.max(1, known.length);
  const enough = year.length >= 2 * WINDOW;
  return {
    realised,
    ivPoints: isNumber(iv) && realised !== null ? (iv - realised) * 100 : null,
    volumeRatio:
      isNumber(quote.volume) && known.length === WINDOW && average > 0
        ? quote.volume / average
        : null,
    yearLow: enough ? Math.min(...year.map((each) => each.low), quote.low ?? Infinity) : null,
    yearHigh: enough ? Math.max(...year.map((each) => each.high), quote.high ?? -Infinity) : null,
  };
}

/** Put volume over call volume of these contracts; null when no call volume is known. */
export function putCallRatio(
  contracts: readonly Pick<ChainContract, 'right' | 'volume'>[],
): number | null {
  let calls = 0;
  let puts = 0;
  for (const { right, volume } of contracts) {
    if (!isNumber(volume)) continue;
    if (right === 'C') calls += volume;
    else puts += volume;
  }
  return calls > 0 ? puts / calls : null;
}

/** Of all strikes, the `count` around the price, ascending. */
export function strikesAround(strikes: readonly number[], spot: number, count: number): number[] {
  return [...new Set(strikes)]
    .sort((a, b) => Math.abs(a - spot) - Math.abs(b - spot))
    .slice(0, count)
    .sort((a, b) => a - b);
}
