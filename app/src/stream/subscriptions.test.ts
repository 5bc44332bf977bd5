// What is asked for, continued, given up and asked again, over connections that come and go.
import { BACKOFF_FIRST_MS } from '@/stream/backoff';
import { fakeTarget, setUp } from '@/stream/test-world';
import { EventSubscription } from '@/stream/user-events';

const ROWS = { layout: 'json', rows: [['a']] };

test('a snapshot starts the count, changes in order follow it', async () => {
  const { world, connection, welcome } = await setUp();
  const mine = fakeTarget();
  await welcome();
  connection.subscribe({ quotes: ['SPY'] }, mine);
  world.socket.say('changes', 1, 1, [['early']], null, 1);
  expect(mine.changes).not.toHaveBeenCalled();
  world.socket.say('snapshot', 1, 0, { kind: 'quotes' }, [['a']], 2);
  world.socket.say('changes', 1, 1, [['b']], null, 3);
  world.socket.say('snapshot', 1, 0, {}, [], 4);
  world.socket.say('changes', 1, 1, [['c']], { spot: [] }, 5);
  expect(mine.snapshot).toHaveBeenNthCalledWith(1, { kind: 'quotes' }, ROWS);
  expect(mine.changes.mock.calls).toEqual([
    [{ layout: 'json', rows: [['b']] }, null],
    [{ layout: 'json', rows: [['c']] }, { spot: [] }],
  ]);
});

test('a gap asks again under a new id, whole, and drops what follows the gap', async () => {
  const { world, connection, welcome } = await setUp();
  const mine = fakeTarget();
  await welcome();
  connection.subscribe({ quotes: ['SPY'] }, mine);
  world.socket.say('snapshot', 1, 0, {}, [], 1);
  world.socket.say('changes', 1, 2, [['lost one']], null, 3);
  expect(world.socket.ops().slice(-2)).toEqual(['unsubscribe', 'subscribe']);
  expect(world.socket.sent.at(-1)).toEqual({ op: 'subscribe', id: 2, quotes: ['SPY'] });
  world.socket.say('changes', 1, 3, [['old id']], null, 4);
  world.socket.say('ended', 1);
  expect(mine.changes).not.toHaveBeenCalled();
  world.socket.say('snapshot', 2, 0, {}, [['whole']], 5);
  expect(mine.snapshot).toHaveBeenCalledTimes(2);
});

test('the same gateway continues where it was; the rows stand', async () => {
  const { world, connection, welcome } = await setUp();
  const mine = fakeTarget();
  connection.subscribe({ quotes: ['SPY'] }, mine);
  await welcome();
  world.socket.say('snapshot', 1, 0, {}, [], 100);
  world.socket.say('changes', 1, 1, [], null, 140);
  world.socket.onclose?.({ code: 1006 });
  await world.advance(BACKOFF_FIRST_MS);
  await welcome();
  expect(world.socket.sent.at(-1)).toEqual({
    op: 'subscribe',
    id: 2,
    quotes: ['SPY'],
    resume: { stream: 'gateway-a', seen: 140 },
  });
  world.sockets[0]?.say('changes', 1, 2, [['ghost']], null, 150);
  world.sockets[0]?.onclose?.({ code: 1006 });
  world.socket.say('resumed', 2, { missing: [] });
  world.socket.say('changes', 2, 1, [['new']], null, 160);
  expect(mine.snapshot).toHaveBeenCalledTimes(1);
  expect(mine.resumed).toHaveBeenCalledWith({ missing: [] });
  expect(mine.changes).toHaveBeenLastCalledWith({ layout: 'json', rows: [['new']] }, null);
  expect(world.sockets).toHaveLength(2);
});

test('asked to continue, a snapshot is as good', async () => {
  const { world, connection, welcome } = await setUp();
  const mine = fakeTarget();
  connection.subscribe({ quotes: ['SPY'] }, mine);
  await welcome();
  world.socket.say('snapshot', 1, 0, {}, [], 100);
  world.socket.onclose?.({ code: 1006 });
  await world.advance(BACKOFF_FIRST_MS);
  await welcome();
  world.socket.say('snapshot', 2, 0, {}, [], 200);
  world.socket.say('changes', 2, 1, [], null, 201);
  expect(mine.snapshot).toHaveBeenCalledTimes(2);
  expect(mine.changes).toHaveBeenCalledTimes(1);
});

test('another gateway knows nothing of our place', async () => {
  const { world, connection, welcome } = await setUp();
  connection.subscribe({ quotes: ['SPY'] }, fakeTarget());
  await welcome('gateway-a');
  world.socket.say('snapshot', 1, 0, {}, [], 100);
  world.socket.onclose?.({ code: 1012 });
  await world.advance(BACKOFF_FIRST_MS);
  await welcome('gateway-b');
  expect(world.socket.sent.at(-1)).toEqual({ op: 'subscribe', id: 2, quotes: ['SPY'] });
  world.socket.say('resumed', 2, {}); // of what? it has to send it whole
  expect(world.socket.last('subscribe')).toEqual({ op: 'subscribe', id: 3, quotes: ['SPY'] });
});

test('errors go to the subscription they name, and what is to be tried again is', async () => {
  const { world, connection, welcome } = await setUp();
  const mine = fakeTarget();
  const chain = { underlying: 'XX', expiration: '2026-12-18', strikes: { around: 20 } };
  await welcome();
  connection.subscribe({ chain }, mine);
  world.socket.say('error', { id: 1, code: 'unknown_symbol', detail: 'd', next_step: 'n' });
  world.socket.say('error', { id: null, code: 'unreadable', detail: 'd', next_step: 'n' });
  world.socket.say('error', { id: 99, code: 'late', detail: 'd', next_step: 'n' });
  expect(mine.failed).toHaveBeenCalledTimes(1);
  await world.advance(1_000);
  expect(world.socket.ops().filter((op) => op === 'subscribe')).toHaveLength(1);
  world.socket.say('error', { id: 1, code: 'provider_unavailable', retry_after_seconds: 3 });
  await world.advance(3_000);
  expect(world.socket.last('subscribe')).toEqual({ op: 'subscribe', id: 2, chain });
  world.socket.say('error', { id: 2, code: 'provider_unavailable', retry_after_seconds: 3 });
  world.socket.onclose?.({ code: 1006 });
  await world.advance(3_000);
  expect(world.socket.ops()).not.toContain('subscribe');
});

test('leaving unsubscribes once', async () => {
  const { world, connection, welcome } = await setUp();
  await welcome();
  const leave = connection.subscribe({ quotes: ['SPY'] }, fakeTarget());
  leave();
  leave();
  expect(world.socket.ops().filter((op) => op === 'unsubscribe')).toHaveLength(1);
});

test('frames of a subscription that name another kind of thing are passed over', async () => {
  const { world, connection, welcome } = await setUp();
  const [mine, events] = [fakeTarget(), { event: jest.fn(), reset: jest.fn(), moved: jest.fn() }];
  await welcome();
  connection.subscribe({ quotes: ['SPY'] }, mine);
  connection.follow(new EventSubscription(['account'], null, events));
  world.socket.say('events', 1, { epoch: 'e', offset: 1, reset: true });
  world.socket.say('event', 1, 2, 1, 'account', 'k', {}, 1);
  world.socket.say('snapshot', 2, 0, {}, [], 1);
  world.socket.say('changes', 99, 1, [], null, 1);
  expect(events.reset).not.toHaveBeenCalled();
  expect(mine.snapshot).not.toHaveBeenCalled();
});

test('events are followed over connections and gaps', async () => {
  const { world, connection, welcome } = await setUp();
  const target = { event: jest.fn(), reset: jest.fn(), moved: jest.fn() };
  const place = { epoch: 'e', offset: 3 };
  connection.follow(new EventSubscription(['account'], place, target));
  await welcome();
  expect(world.socket.last('subscribe')).toEqual({
    op: 'subscribe',
    id: 1,
    events: ['account'],
    after: place,
  });
  world.socket.say('events', 1, { ...place, reset: false });
  world.socket.say('event', 1, 4, 3, 'account', 'a', {}, 1);
  world.socket.say('event', 1, 9, 8, 'account', 'c', {}, 1);
  expect(world.socket.sent.at(-1)).toMatchObject({ id: 2, after: { offset: 4 } });
  world.socket.onclose?.({ code: 1006 });
  await world.advance(BACKOFF_FIRST_MS);
  await welcome();
  expect(world.socket.sent.at(-1)).toMatchObject({ id: 3, after: { offset: 4 } });
  expect(target.event).toHaveBeenCalledTimes(1);
});

test('a thousand comings and goings leave nothing behind', async () => {
  const { world, connection, welcome } = await setUp();
  for (let cycle = 0; cycle < 1_000; cycle += 1) {
    await welcome();
    const leaves = [
      connection.subscribe({ quotes: ['SPY'] }, fakeTarget()),
      connection.subscribe(
        { chain: { underlying: 'SPY', expiration: '2026-12-18' } },
        fakeTarget(),
      ),
    ];
    const id = Number(world.socket.sent.at(-1)?.id);
    world.socket.say('snapshot', id, 0, {}, [], 1);
    world.socket.say('changes', id, 1 + (cycle % 3), [], null, 2);
    world.socket.say('error', { id, code: 'busy', retry_after_seconds: 1 });
    expect(connection.subscriptions.counts).toEqual({ wanted: 2, asked: 2 });
    if (cycle % 2 === 0) for (const leave of leaves) leave();
    world.socket.onclose?.({ code: 1006 });
    for (const leave of leaves) leave();
    await world.advance(60_000);
    world.sockets.splice(0, world.sockets.length - 1);
  }
  expect(connection.subscriptions.counts).toEqual({ wanted: 0, asked: 0 });
  expect(world.waiting).toBeLessThan(3);
  connection.stop();
  expect(world.waiting).toBe(0);
});
