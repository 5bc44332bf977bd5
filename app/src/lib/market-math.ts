/** Display maths on market data. Pure; nothing here moves money. */
import { isNumber, type Maybe } from '@/lib/format';

export const TRADING_DAYS = 252;

/** Annualised standard deviation of daily log returns over the last `window` returns, or null. */
export function realisedVol(closes: readonly number[], window: number): number | null {
  const recent = closes.slice(-(window + 1));
  if (recent.length < window + 1 || recent.some((close) => !(close > 0))) return null;
  const returns = recent.slice(1).map((close, index) => Math.log(close / (recent[index] ?? close)));
  const mean = returns.reduce((sum, each) => sum + each, 0) / returns.length;
  const squares = returns.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  return Math.sqrt((squares / (returns.length - 1)) * TRADING_DAYS);
}

/** Today's move in daily standard deviations of an annual volatility. */
export function movesInSigmas(last: Maybe, previous: Maybe, volAnnual: Maybe): number | null {
  if (!isNumber(last) || !isNumber(previous) || !isNumber(volAnnual)) return null;
  const daily = volAnnual / Math.sqrt(TRADING_DAYS);
  if (!(previous > 0) || !(daily > 0)) return null;
  return (last / previous - 1) / daily;
}

export function change(last: Maybe, previous: Maybe): number | null {
  return isNumber(last) && isNumber(previous) ? last - previous : null;
}

export function changeFraction(last: Maybe, previous: Maybe): number | null {
  return isNumber(last) && isNumber(previous) && previous > 0 ? last / previous - 1 : null;
}

/** What stands for the price: the last trade, else the middle of a two-sided quote. */
export function priceOf(last: Maybe, bid: Maybe, ask: Maybe): number | null {
  if (isNumber(last)) return last;
  return middle(bid, ask);
}

export function middle(bid: Maybe, ask: Maybe): number | null {
  return isNumber(bid) && isNumber(ask) && bid > 0 && ask > 0 ? (bid + ask) / 2 : null;
}

interface Dated {
  date: string;
  days: number;
  cycle: string;
}

const SOON_DAYS = 7;

/** The expiration a chain opens with: the nearest monthly a week or more away, else the nearest. */
export function nearestMonthly<T extends Dated>(expirations: readonly T[]): T | null {
  const living = expirations.filter((each) => each.days >= 0);
  const monthly = living.find((each) => each.cycle !== 'weekly' && each.days >= SOON_DAYS);
  return monthly ?? living.find((each) => each.days >= 1) ?? living[0] ?? expirations[0] ?? null;
}

/** Round steps for `count` grid lines between low and high, in steps of 1, 2, 2.5 or 5. */
export function ticks(
  low: number,
  high: number,
  count: number,
): { values: number[]; step: number } {
  if (!(high > low) || count < 1) return { values: [], step: 1 };
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step =
    [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? power;
  const values: number[] = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) {
    values.push(Number(value.toPrecision(12)));
  }
  return { values, step };
}
