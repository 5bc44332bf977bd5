/** What the list shows, computed from what the server says. Pure. */
import type { Bar, MarketSession, Quote } from '@/api/types';
import { exchangeDate, exchangeTime, shortDate } from '@/lib/dates';
import { movesInSigmas, realisedVol } from '@/lib/market-math';
import type { Maybe } from '@/lib/format';
import type { WordKey, WordValues } from '@/i18n/t';

export const TAPE_CANDIDATES = ['SPX', 'NDX', 'VIX', 'RUT', 'DJX', 'XSP'] as const;
export const TAPE_MAX = 4;
export const LINE_DAYS = 45;
export const LINE_BARS = 22;
const VOL_WINDOW = 20;

const TAPE_NAMES: Readonly<Record<string, string>> = {
  SPX: 'S&P 500',
  NDX: 'Nasdaq 100',
  VIX: 'VIX',
  RUT: 'Russell 2000',
  DJX: 'Dow 1/100',
  XSP: 'S&P 1/10',
};

export function tapeName(symbol: string): string {
  return TAPE_NAMES[symbol] ?? symbol;
}

/** The indices this feed has, in our order, at most four. */
export function tapeOf(quotes: readonly Quote[]): string[] {
  const known = new Set(quotes.map((quote) => quote.symbol));
  return TAPE_CANDIDATES.filter((symbol) => known.has(symbol)).slice(0, TAPE_MAX);
}

export interface LineFacts {
  /** Closes of the last month, today's price at the end. */
  line: number[];
  realised: number | null;
  sigmas: number | null;
}

/** `today` is the market's date: its bar, if the feed already gives one, is replaced by the price. */
export function lineFacts(
  bars: readonly Bar[],
  today: string,
  last: Maybe,
  previous: Maybe,
): LineFacts {
  const before = bars
    .filter((bar) => exchangeDate(Date.parse(bar.at)) < today)
    .map((bar) => bar.close);
  const realised = realisedVol(before, VOL_WINDOW);
  const line = before.slice(-(LINE_BARS - 1));
  if (typeof last === 'number') line.push(last);
  return { line, realised, sigmas: movesInSigmas(last, previous, realised) };
}

/** The words for where the exchange day stands. */
export function sessionWords(session: MarketSession): { key: WordKey; values: WordValues } {
  const at = (iso: string) => exchangeTime(Date.parse(iso), false);
  switch (session.session) {
    case 'regular':
      return { key: 'markets.session.regular', values: { time: at(session.closes_at) } };
    case 'pre':
      return { key: 'markets.session.pre', values: { time: at(session.opens_at) } };
    case 'post':
      return { key: 'markets.session.post', values: { time: at(session.closes_at) } };
    case 'closed':
      return {
        key: 'markets.session.closed',
        values: { date: shortDate(session.trading_day), time: at(session.opens_at) },
      };
  }
}

export function kindKey(kind: 'stock' | 'etf' | 'index'): WordKey {
  return `markets.kind.${kind}`;
}
