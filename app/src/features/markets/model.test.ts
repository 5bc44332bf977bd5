// The list's own figures, from bars and quotes written here.
import type { Bar, MarketSession, Quote } from '@/api/types';
import {
  kindKey,
  lineFacts,
  LINE_BARS,
  sessionWords,
  tapeName,
  tapeOf,
} from '@/features/markets/model';
import { t } from '@/i18n/t';
import { addDays } from '@/lib/dates';

const quote = (symbol: string) => ({ symbol }) as Quote;
const bar = (date: string, close: number): Bar => ({
  at: `${date}T14:30:00Z`,
  open: close,
  high: close,
  low: close,
  close,
  volume: 1,
});

test('the tape shows the indices the feed has, in our order, at most four', () => {
  expect(tapeOf([quote('VIX'), quote('SPX'), quote('AAPL')])).toEqual(['SPX', 'VIX']);
  expect(tapeOf(['RUT', 'DJX', 'VIX', 'NDX', 'SPX'].map(quote))).toEqual([
    'SPX',
    'NDX',
    'VIX',
    'RUT',
  ]);
  expect([tapeName('SPX'), tapeName('OEX')]).toEqual(['S&P 500', 'OEX']);
});

const month = Array.from({ length: 30 }, (_, index) =>
  bar(addDays('2026-10-01', index), index % 2 === 0 ? 100 : 101),
);

test('the line is the last month with today’s price at its end', () => {
  const facts = lineFacts([...month, bar('2026-10-31', 500)], '2026-10-31', 102, 101);
  expect(facts.line).toHaveLength(LINE_BARS);
  expect(facts.line.at(-1)).toBe(102);
  expect(facts.line).not.toContain(500);
  expect(facts.realised).toBeGreaterThan(0.1);
  expect(facts.sigmas).toBeGreaterThan(0);
});

test('without history and without a price there is nothing to draw, and no figure', () => {
  expect(lineFacts([], '2026-10-31', null, null)).toEqual({
    line: [],
    realised: null,
    sigmas: null,
  });
});

const session = (name: MarketSession['session']): MarketSession => ({
  session: name,
  trading_day: '2026-11-23',
  opens_at: '2026-11-23T14:30:00Z',
  closes_at: '2026-11-23T21:00:00Z',
  early_close: false,
});

test.each([
  ['regular', 'Open · closes 16:00 ET'],
  ['pre', 'Pre-market · opens 09:30 ET'],
  ['post', 'After hours · closed 16:00 ET'],
] as const)('%s is told with its time', (name, words) => {
  const { key, values } = sessionWords(session(name));
  expect(t(key, values)).toBe(words);
});

test('a closed market says when it opens', () => {
  const { key, values } = sessionWords(session('closed'));
  expect(t(key, values)).toMatch(/^Closed · opens Nov 23.* 09:30 ET$/);
  expect(t(kindKey('etf'))).toBe('ETF');
});
