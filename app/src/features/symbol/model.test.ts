// Bars, cone and figures from inputs written here; every missing part stays missing.
import type { Bar, Expiration } from '@/api/types';
import {
  candlesOf,
  coneOf,
  figuresOf,
  putCallRatio,
  rangeStart,
  strikesAround,
  weekdaysBetween,
  withToday,
  type Candle,
} from '@/features/symbol/model';
import { addDays } from '@/lib/dates';

const bar = (at: string, close = 10): Bar => ({
  at,
  open: close,
  high: close + 1,
  low: close - 1,
  close,
  volume: 100,
});
const day = (date: string, close = 10) =>
  candlesOf([bar(`${date}T14:30:00Z`, close)], '1Y')[0] as Candle;

test('a range asks for enough days and keeps its last dates only', () => {
  expect(rangeStart('1D', '2026-11-23')).toBe('2026-11-18');
  const bars = ['2026-11-19T14:30:00Z', '2026-11-20T14:30:00Z', '2026-11-20T14:35:00Z'].map((at) =>
    bar(at),
  );
  expect(candlesOf(bars, '1D').map((candle) => candle.date)).toEqual(['2026-11-20', '2026-11-20']);
  expect(candlesOf(bars, '2M')).toHaveLength(3);
});

const none = { last: null, open: null, high: null, low: null, volume: null };

test('today’s bar is the live quote, whatever the history has of it', () => {
  const live = { last: 12, open: 11, high: 13, low: 10.5, volume: 7 };
  const old = [day('2026-11-19'), day('2026-11-20')];
  const merged = withToday(old, live, '2026-11-20');
  expect(merged).toHaveLength(2);
  expect(merged[1]).toMatchObject({ open: 11, high: 13, low: 9, close: 12, volume: 7 });
  expect(withToday([day('2026-11-19')], live, '2026-11-20')[1]).toMatchObject({
    high: 13,
    low: 10.5,
  });
});

test('on a Sunday the quote still tells of Friday, and Friday is drawn once', () => {
  const friday = day('2026-11-20');
  const merged = withToday([friday], { ...none, last: 12, open: friday.open }, '2026-11-22');
  expect(merged).toHaveLength(1);
  expect(merged[0]).toMatchObject({ date: '2026-11-20', close: 12 });
});

test('without a price, or without an open, nothing is invented', () => {
  const old = [day('2026-11-19')];
  expect(withToday(old, none, '2026-11-20')).toEqual(old);
  expect(withToday(old, { ...none, last: 12 }, '2026-11-20')).toEqual(old);
  const kept = withToday([day('2026-11-20')], { ...none, last: 12 }, '2026-11-20');
  expect(kept[0]).toMatchObject({ open: 10, close: 12, high: 12, volume: 100 });
});

test('a quote may say less than the history: extremes and volume of both count', () => {
  const fresh = withToday([], { ...none, last: 12, open: 11 }, '2026-11-20');
  expect(fresh[0]).toMatchObject({ high: 12, low: 11, volume: null });
});

const expiry = (days: number, move: number | null): Expiration => ({
  date: addDays('2026-11-20', days),
  days,
  cycle: 'monthly',
  roots: [],
  atm_iv: 0.4,
  expected_move: move,
});

test('the cone needs a move and a date within reach', () => {
  expect(coneOf(expiry(28, 21.98), '2026-11-20')).toMatchObject({
    days: 28,
    move: 21.98,
    slots: 20,
  });
  expect(coneOf(expiry(28, null), '2026-11-20')).toBeNull();
  expect(coneOf(expiry(0, 1), '2026-11-20')).toBeNull();
  expect(coneOf(expiry(400, 1), '2026-11-20')).toBeNull();
  expect(coneOf(null, '2026-11-20')).toBeNull();
  expect(coneOf(expiry(1, 1), '2026-11-20')?.slots).toBe(1);
});

test('weekends take no room', () => {
  expect(weekdaysBetween('2026-11-20', '2026-11-23')).toBe(1);
  expect(weekdaysBetween('2026-11-20', '2026-11-22')).toBe(0);
});

const year = Array.from({ length: 60 }, (_, index) =>
  day(addDays('2026-09-01', index), index % 2 === 0 ? 100 : 101),
);

test('figures stand on enough days', () => {
  const figures = figuresOf(year, { ...none, last: 105, high: 106, low: 98, volume: 200 }, 0.5);
  expect(figures.volumeRatio).toBe(2);
  expect([figures.yearLow, figures.yearHigh]).toEqual([98, 106]);
  expect(figures.ivPoints).toBeCloseTo((0.5 - (figures.realised ?? 0)) * 100, 8);
});

test('too short a history gives no figure', () => {
  expect(figuresOf(year.slice(0, 5), none, 0.5)).toEqual({
    realised: null,
    ivPoints: null,
    volumeRatio: null,
    yearLow: null,
    yearHigh: null,
  });
  expect(figuresOf(year, none, null)).toMatchObject({
    ivPoints: null,
    volumeRatio: null,
    yearLow: 99,
  });
  const mute = year.map((candle) => ({ ...candle, volume: null }));
  expect(figuresOf(mute, { ...none, volume: 5 }, 0.5).volumeRatio).toBeNull();
});

test('put/call needs call volume, and skips what is not known', () => {
  const contracts = [
    { right: 'C' as const, volume: 100 },
    { right: 'P' as const, volume: 71 },
    { right: 'P' as const, volume: null },
  ];
  expect(putCallRatio(contracts)).toBeCloseTo(0.71, 10);
  expect(putCallRatio([{ right: 'P', volume: 5 }])).toBeNull();
});

test('the taste of the chain is the strikes around the price, ascending', () => {
  expect(strikesAround([170, 175, 180, 185, 190, 180], 181, 3)).toEqual([175, 180, 185]);
});
