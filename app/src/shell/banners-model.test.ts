// One outage at most, named by its nearest cause, above what kind of market this is.
import { bannersOf } from '@/shell/banners-model';
import type { FeedState } from '@/stream/live';

const feed = {
  source: 'x',
  label: 'Feed A',
  state: 'live' as const,
  quality: 'realtime' as const,
  delay_seconds: 0,
  notice: '',
  reason: '',
  since: '2026-11-19T15:41:52Z',
  market_time: '2026-11-19T15:42:07Z',
  market_speed: 1,
};
const NOW = Date.parse('2026-11-19T15:42:07Z');
const open: FeedState = {
  connection: 'open',
  lostAt: null,
  heardAt: NOW,
  feed,
  marketMs: NOW,
  marketAt: NOW,
  movingUntil: null,
  refusal: null,
};
const kinds = (state: FeedState, online = true) =>
  bannersOf(state, NOW, online).map((each) => each.kind);
const first = (state: FeedState, online = true) => bannersOf(state, NOW, online)[0];

test('a live real-time market needs no banner', () => {
  expect(bannersOf(open, NOW, true)).toEqual([]);
  expect(bannersOf({ ...open, feed: null }, NOW, true)).toEqual([]);
});

test('offline says what is shown and how old it is', () => {
  const state = { ...open, heardAt: NOW - 4 * 60_000 };
  expect(first(state, false)).toMatchObject({ kind: 'offline', text: 'Showing 10:38, 4 min ago.' });
  expect(first({ ...open, heardAt: null }, false)?.text).toContain('Nothing was loaded');
});

test('a lost connection, a silent feed and a dead feed are told apart', () => {
  expect(first({ ...open, lostAt: NOW - 60_000 })?.title).toBe('Connection lost at 10:42:07.');
  expect(first({ ...open, lostAt: 0, heardAt: null })?.title).toBe(
    'No connection to the price stream.',
  );
  const silent = { ...open, feed: { ...feed, state: 'stale' as const } };
  expect(first(silent)).toMatchObject({
    title: 'Quotes paused at 10:41:52.',
    text: 'The feed is connected but silent.',
  });
  const down = {
    ...open,
    feed: { ...feed, state: 'down' as const, reason: 'No answer from Feed A.' },
  };
  expect(first(down)?.text).toBe('No answer from Feed A.');
  const mute = { ...open, feed: { ...feed, state: 'down' as const } };
  expect(first(mute)?.text).toContain('OPTIX keeps trying');
});

test('a market that is not real says so, below an outage too', () => {
  const sim = { ...open, feed: { ...feed, quality: 'simulated' as const } };
  expect(kinds(sim)).toEqual(['simulated']);
  expect(kinds({ ...sim, lostAt: 0 })).toEqual(['stale', 'simulated']);
});

test('a replay says its date, time and speed, and when it has ended', () => {
  const replay = { ...open, feed: { ...feed, quality: 'replay' as const, market_speed: 4 } };
  expect(first(replay)?.text).toMatch(/10:42:07 · 4× speed$/);
  const ended = { ...replay, feed: { ...replay.feed, state: 'ended' as const } };
  expect(first(ended)?.text).toMatch(/the recording has ended$/);
});

test('delayed quotes say by how much, other notices are passed on', () => {
  const late = { ...open, feed: { ...feed, quality: 'delayed' as const, delay_seconds: 900 } };
  expect(first(late)).toMatchObject({ kind: 'delayed', title: 'Delayed 15 min.', text: 'Feed A.' });
  const told = { ...open, feed: { ...feed, notice: 'Maintenance at 18:00.' } };
  expect(first(told)).toMatchObject({ kind: 'notice', text: 'Maintenance at 18:00.' });
});

test('an announced restart says nothing while the numbers already look old', () => {
  expect(kinds({ ...open, lostAt: NOW - 6_000, movingUntil: NOW })).toEqual([]);
});

test('an app out of date offers the newer one, an account without data says why', () => {
  expect(first({ ...open, connection: 'outdated' })).toMatchObject({ kind: 'stale', reload: true });
  expect(first({ ...open, refusal: 'Sign the agreement first.' })?.text).toBe(
    'Sign the agreement first.',
  );
  expect(first({ ...open, refusal: '' })?.text).toContain('OPTIX asks again');
});
