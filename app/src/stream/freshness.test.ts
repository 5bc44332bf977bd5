// Every cause of old numbers, and which one is named when there are several.
import { GRACE_MS, isLost, kindOf, marketNow, outageOf } from '@/stream/freshness';
import type { FeedState } from '@/stream/live';

const feed = {
  source: 'sim',
  label: 'Sim',
  state: 'live' as const,
  quality: 'simulated' as const,
  delay_seconds: 0,
  notice: '',
  reason: '',
  since: '2026-11-19T15:42:07Z',
  market_time: '2026-11-19T15:42:07Z',
  market_speed: 4,
};
const open: FeedState = {
  connection: 'open',
  lostAt: null,
  heardAt: 1_000,
  feed,
  marketMs: 500_000,
  marketAt: 1_000,
  movingUntil: null,
  refusal: null,
};

test('the market clock runs on at its own speed', () => {
  expect(marketNow(open, 2_000)).toBe(504_000);
  expect(marketNow(open, 500)).toBe(500_000);
  expect(marketNow({ ...open, feed: null }, 2_000)).toBe(501_000);
  expect(marketNow({ ...open, marketMs: null }, 2_000)).toBe(2_000);
});

test('a short break is not an outage', () => {
  const lost = { ...open, lostAt: 10_000 };
  expect(isLost(lost, 10_000 + GRACE_MS, true)).toBe(false);
  expect(outageOf(lost, 10_001 + GRACE_MS, true)).toBe('lost');
});

test('the nearest cause is named', () => {
  const bad = { ...open, lostAt: 0, feed: { ...feed, state: 'down' as const } };
  expect(outageOf(bad, 60_000, false)).toBe('offline');
  expect(isLost(bad, 60_000, false)).toBe(true);
  expect(outageOf(bad, 60_000, true)).toBe('lost');
  expect(outageOf({ ...bad, lostAt: null }, 60_000, true)).toBe('down');
  expect(outageOf({ ...open, feed: { ...feed, state: 'stale' } }, 0, true)).toBe('stale');
  expect(outageOf(open, 60_000, true)).toBeNull();
  expect(outageOf({ ...open, feed: null }, 60_000, true)).toBeNull();
});

test('a restart that was announced is no loss until its time is over', () => {
  const gone = { ...open, lostAt: 0, movingUntil: 60_000 };
  expect(outageOf(gone, 60_000 + GRACE_MS, true)).toBe('moving');
  expect(kindOf('realtime', 'moving')).toBe('stale');
  expect(outageOf(gone, 60_001 + GRACE_MS, true)).toBe('lost');
  expect(outageOf({ ...gone, lostAt: null }, 0, true)).toBeNull();
});

test('an app out of date and an account without data are named before the lost connection', () => {
  const lost = { ...open, lostAt: 0, refusal: 'No agreement.' };
  expect(outageOf(lost, 60_000, true)).toBe('refused');
  expect(outageOf({ ...lost, connection: 'outdated' }, 60_000, true)).toBe('outdated');
});

test('an outage makes every number stale, whatever its own quality', () => {
  expect(kindOf('realtime', null)).toBe('live');
  expect(kindOf('replay', null)).toBe('replay');
  expect(kindOf('realtime', 'down')).toBe('stale');
});
