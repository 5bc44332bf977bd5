// Documented frames are read, everything else is null: a frame is never cast.
import { parseFrame } from '@/stream/protocol';

const read = (value: unknown) => parseFrame(JSON.stringify(value));

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

test('every documented frame is read', () => {
  expect(read(['hello', { version: 1, epoch: 'e', heartbeat_seconds: 7 }])).toEqual({
    type: 'hello',
    heartbeatSeconds: 7,
  });
  expect(read(['status', feed])).toEqual({ type: 'status', feed });
  expect(read(['heartbeat', 1, 2])).toEqual({ type: 'heartbeat', serverMs: 1, marketMs: 2 });
  expect(read(['snapshot', 3, 0, { kind: 'quotes' }, [[1]]])).toEqual({
    type: 'snapshot',
    id: 3,
    header: { kind: 'quotes' },
    rows: [[1]],
  });
  expect(read(['changes', 3, 1, [[1]], null])).toMatchObject({
    type: 'changes',
    n: 1,
    header: null,
  });
  expect(read(['changes', 3, 1, [], { spot: [] }])).toMatchObject({ header: { spot: [] } });
  expect(read(['ended', 3])).toEqual({ type: 'ended', id: 3 });
  expect(read(['pong', 5])).toEqual({ type: 'pong', t: 5 });
});

test('a hello without a usable heartbeat keeps the documented one', () => {
  expect(read(['hello', { version: 1 }])).toEqual({ type: 'hello', heartbeatSeconds: 5 });
});

test('an error frame may be about no subscription, and its words may be missing', () => {
  expect(read(['error', { id: null, code: 'bad', detail: 'd', next_step: 'n' }])).toEqual({
    type: 'error',
    error: { id: null, code: 'bad', detail: 'd', nextStep: 'n' },
  });
  expect(read(['error', { id: 2, code: 'bad' }])).toMatchObject({ error: { id: 2, detail: '' } });
});

test.each([
  [undefined],
  [new ArrayBuffer(2)],
  ['not json'],
  ['{}'],
  ['"hello"'],
  ['[]'],
  ['["unknown",1]'],
  ['["hello",{"version":2}]'],
  ['["hello",null]'],
  ['["status",{"state":"live"}]'],
  ['["heartbeat","1",2]'],
  ['["snapshot","1",0,{},[]]'],
  ['["snapshot",1,0,{},[1]]'],
  ['["snapshot",1,0,[],[]]'],
  ['["changes",1,1,[]]'],
  ['["changes",1,1.5,[],null]'],
  ['["ended"]'],
  ['["pong","1"]'],
  ['["error",{"id":1}]'],
  ['["error",null]'],
])('%p is not a frame', (text) => {
  expect(parseFrame(text)).toBeNull();
});

test.each(Object.keys(feed))('a status without a usable %s is refused', (name) => {
  expect(read(['status', { ...feed, [name]: null }])).toBeNull();
});
