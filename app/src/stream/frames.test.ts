// Documented frames are read, unknown words are passed over, broken rows are refused: never a cast.
import { readText } from '@/stream/frames';
import { BadFrame } from '@/stream/protocol';

const read = (value: unknown) => readText(JSON.stringify(value));

const feed = {
  source: 'sim',
  label: 'Simulated market',
  state: 'live',
  quality: 'simulated',
  delay_seconds: 0,
  notice: 'Simulated market. Prices are generated.',
  reason: '',
  since: '2026-11-19T15:42:07Z',
  market_time: '2026-11-19T15:42:07Z',
  market_speed: 1,
};

const words = { quality: ['realtime', 'brand_new'], trading: ['open'], status: ['ok', 'odd'] };

test('every documented frame is read', () => {
  expect(read(['hello', { version: 2, stream: 's', heartbeat_seconds: 5, words }])).toEqual({
    type: 'hello',
    stream: 's',
    words: { quality: ['realtime', null], status: ['ok', null] },
  });
  expect(read(['status', feed])).toEqual({ type: 'status', feed });
  expect(read(['heartbeat', 1, 2])).toEqual({ type: 'heartbeat', serverMs: 1, marketMs: 2 });
  expect(read(['snapshot', 3, 0, { kind: 'quotes' }, [[1]], 9])).toEqual({
    type: 'snapshot',
    id: 3,
    header: { kind: 'quotes' },
    rows: { layout: 'json', rows: [[1]] },
    seen: 9,
  });
  expect(read(['changes', 3, 1, [[1]], null, 10])).toEqual({
    type: 'changes',
    id: 3,
    n: 1,
    rows: { layout: 'json', rows: [[1]] },
    header: null,
    seen: 10,
  });
  expect(read(['changes', 3, 1, [], { spot: [] }, 10])).toMatchObject({ header: { spot: [] } });
  expect(read(['resumed', 3, { missing: [] }])).toEqual({
    type: 'resumed',
    id: 3,
    header: { missing: [] },
  });
  expect(read(['ended', 3])).toEqual({ type: 'ended', id: 3 });
  expect(read(['slow', 12])).toEqual({ type: 'slow', skipped: 12 });
  expect(read(['authenticate', 60])).toEqual({ type: 'authenticate', seconds: 60 });
  expect(read(['going_away', { reconnect_after_ms: 1234 }])).toEqual({
    type: 'going_away',
    reconnectAfterMs: 1234,
  });
  expect(read(['pong', 5])).toEqual({ type: 'pong', t: 5 });
});

test('the events of the user are read, and an odd body is an empty one', () => {
  expect(read(['events', 3, { epoch: 'e', offset: 17, reset: false }])).toEqual({
    type: 'events',
    id: 3,
    epoch: 'e',
    offset: 17,
    reset: false,
  });
  expect(read(['event', 3, 18, 17, 'account', 'kind', { a: 1 }, 99])).toEqual({
    type: 'event',
    id: 3,
    offset: 18,
    previous: 17,
    event: { channel: 'account', kind: 'kind', body: { a: 1 }, at: 99 },
  });
  expect(read(['event', 3, 18, 17, 'account', 'kind', null, null])).toMatchObject({
    event: { body: {}, at: 0 },
  });
});

test('a hello without words has none, and bytes then cannot be read', () => {
  expect(read(['hello', { version: 2, stream: 's' }])).toEqual({
    type: 'hello',
    stream: 's',
    words: null,
  });
  expect(read(['hello', { version: 2, stream: 's', words: { quality: [] } }])).toMatchObject({
    words: null,
  });
});

test('an error frame may be about no subscription, and its words may be missing', () => {
  const told = { id: null, code: 'bad', detail: 'd', next_step: 'n', retry_after_seconds: 2 };
  expect(read(['error', told])).toEqual({
    type: 'error',
    error: { id: null, code: 'bad', detail: 'd', nextStep: 'n', retryAfterMs: 2_000 },
  });
  expect(read(['error', { id: 2, code: 'bad' }])).toMatchObject({
    error: { id: 2, detail: '', retryAfterMs: null },
  });
});

test.each([
  ['["unknown",1]'],
  ['["status",{"state":"live"}]'],
  ['["heartbeat","1",2]'],
  ['["ended"]'],
  ['["slow","a lot"]'],
  ['["authenticate",null]'],
  ['["going_away",5]'],
  ['["pong","1"]'],
  ['["error",{"id":1}]'],
  ['["error",null]'],
])('%p is passed over', (text) => {
  expect(readText(text)).toBeNull();
});

test.each([
  ['not json'],
  ['{}'],
  ['"hello"'],
  ['[]'],
  ['[1]'],
  ['["hello",{"version":1,"stream":"s"}]'],
  ['["hello",{"version":2}]'],
  ['["hello",null]'],
  ['["snapshot","1",0,{},[],1]'],
  ['["snapshot",1,0,{},[1],1]'],
  ['["snapshot",1,0,[],[],1]'],
  ['["snapshot",1,1,{},[],1]'],
  ['["snapshot",1,0,{},[]]'],
  ['["changes",1,1,[],null]'],
  ['["changes",1,1,[],[],1]'],
  ['["changes",1,0,[],null,1]'],
  ['["changes",1,1.5,[],null,1]'],
  ['["changes",1,1,[],null,-1]'],
  ['["resumed",1]'],
  ['["resumed","1",{}]'],
  ['["events",1,{"offset":1}]'],
  ['["events",1,null]'],
  ['["event",1,2]'],
  ['["event",1,2,1,"account",7]'],
])('%p cannot be trusted', (text) => {
  expect(() => readText(text)).toThrow(BadFrame);
});

test.each(Object.keys(feed))('a status without a usable %s is passed over', (name) => {
  expect(read(['status', { ...feed, [name]: null }])).toBeNull();
});
