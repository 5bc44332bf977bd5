// A scripted world: sockets that record what they are told, timers moved by hand.
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, backoffMs } from '@/stream/backoff';
import {
  Connection,
  PING_AFTER_MS,
  PROBE_MS,
  SILENCE_MAX_MS,
  STEADY_MS,
} from '@/stream/connection';
import { quoteFrame } from '@/stream/test-bytes';
import { fakeTarget, FakeWorld, settle, setUp } from '@/stream/test-world';
import { HIDDEN_MS, RECOVER_MS } from '@/stream/pace';

const deaf = { state: () => undefined, frame: () => undefined, closed: () => undefined };

describe('opening', () => {
  test('it says who it is and what it wants first, and subscribes once welcomed', async () => {
    const { world, connection, states, welcome } = await setUp();
    connection.subscribe({ quotes: ['SPY'] }, fakeTarget());
    world.socket.onopen?.();
    expect(world.socket.sent).toEqual([
      { op: 'auth', token: 'token-1', version: 2, format: 'binary', interval_ms: 250 },
    ]);
    await welcome();
    expect(world.socket.sent.at(-1)).toEqual({ op: 'subscribe', id: 1, quotes: ['SPY'] });
    expect(states).toEqual(['connecting', 'open']);
  });

  test('starting twice opens one socket', async () => {
    const { world, connection } = await setUp();
    connection.start();
    await settle();
    expect(world.sockets).toHaveLength(1);
  });

  test('text is asked for when somebody wants to read it, over a new connection', async () => {
    const { world, connection, welcome } = await setUp();
    await welcome();
    world.wire = 'json';
    connection.restart();
    await welcome();
    expect(world.sockets[0]?.closed).toBe(true);
    expect(world.socket.last('auth')).toMatchObject({ format: 'json' });
  });

  test('a server that speaks but never welcomes is given up', async () => {
    const { world, states } = await setUp();
    world.socket.onopen?.();
    await world.advance(SILENCE_MAX_MS - 1);
    world.socket.say('heartbeat', 1, 1);
    await world.advance(1);
    expect(states.at(-1)).toBe('waiting');
  });

  test('no token means no socket, only another try', async () => {
    const { world, states } = await setUp();
    world.tokenFails = true;
    world.socket.onerror?.();
    world.socket.onclose?.({ code: 1006 });
    await world.advance(BACKOFF_FIRST_MS);
    expect(world.sockets).toHaveLength(1);
    expect(states.at(-1)).toBe('waiting');
    world.tokenFails = false;
    await world.advance(2 * BACKOFF_FIRST_MS);
    expect(world.sockets).toHaveLength(2);
  });
});

describe('stopping', () => {
  test('it closes, and nothing comes back', async () => {
    const { world, connection, states, welcome } = await setUp();
    await welcome();
    connection.stop();
    expect(world.socket.closed).toBe(true);
    await world.advance(BACKOFF_MAX_MS);
    connection.wake();
    connection.restart();
    await settle();
    expect(world.sockets).toHaveLength(1);
    expect(states.at(-1)).toBe('idle');
    expect(world.waiting).toBe(0);
  });

  test('while no token can be had it leaves nothing waiting', async () => {
    const world = new FakeWorld();
    world.tokenFails = true;
    const connection = new Connection(world, deaf);
    connection.start();
    connection.stop();
    await settle();
    expect(world.waiting).toBe(0);
  });

  test('while the token is fetched it opens nothing', async () => {
    const world = new FakeWorld();
    const connection = new Connection(world, deaf);
    connection.start();
    connection.stop();
    await settle();
    expect(world.sockets).toHaveLength(0);
  });
});

describe('frames', () => {
  test('frames of text and of bytes reach their target', async () => {
    const { world, connection, welcome } = await setUp();
    const mine = fakeTarget();
    await welcome();
    connection.subscribe({ quotes: ['SPY'] }, mine);
    world.socket.bytes(quoteFrame({ id: 1, n: 0, seen: 5, header: { kind: 'quotes' } }, []));
    world.socket.say('changes', 1, 1, [['b']], null, 6);
    expect(mine.snapshot).toHaveBeenCalledWith(
      { kind: 'quotes' },
      expect.objectContaining({ layout: 'quotes', count: 0 }),
    );
    expect(mine.changes).toHaveBeenCalledWith({ layout: 'json', rows: [['b']] }, null);
  });

  test.each([
    ['a cut frame', new ArrayBuffer(3)],
    ['a text that is none', 'garbage'],
    ['rows that are none', '["changes",1,1,7,null,3]'],
    ['neither text nor bytes', { blob: true }],
  ])('%s makes it connect anew and ask for everything', async (_name, data) => {
    const { world, connection, closed, welcome } = await setUp();
    const mine = fakeTarget();
    await welcome();
    connection.subscribe({ quotes: ['SPY'] }, mine);
    world.socket.say('snapshot', 1, 0, {}, [], 7);
    world.socket.onmessage?.({ data });
    expect(closed).toEqual(['nonsense']);
    expect(world.sockets[0]?.closed).toBe(true);
    await world.advance(BACKOFF_FIRST_MS);
    await welcome();
    expect(world.socket.last('subscribe')).toEqual({ op: 'subscribe', id: 2, quotes: ['SPY'] });
  });

  test('unknown frames are passed over', async () => {
    const { world, frames, closed, welcome } = await setUp();
    await welcome();
    const before = frames.length;
    world.socket.say('brand_new', 1, { two: 3 });
    expect(frames).toHaveLength(before);
    expect(closed).toEqual([]);
  });

  test('what a target throws is not taken for a bad frame', async () => {
    const { world, connection, welcome } = await setUp();
    await welcome();
    const mine = fakeTarget();
    mine.snapshot.mockImplementation(() => {
      throw new TypeError('a mistake of ours');
    });
    connection.subscribe({ quotes: ['SPY'] }, mine);
    expect(() => world.socket.say('snapshot', 1, 0, {}, [], 1)).toThrow(TypeError);
  });
});

describe('heartbeats', () => {
  test('silence longer than the limit closes and comes back', async () => {
    const { world, states, closed, welcome } = await setUp();
    await welcome();
    await world.advance(SILENCE_MAX_MS - 1);
    world.socket.say('heartbeat', 1, 1);
    await world.advance(SILENCE_MAX_MS - 1);
    expect(world.socket.closed).toBe(false);
    await world.advance(1);
    expect(world.sockets[0]?.closed).toBe(true);
    expect(closed).toEqual(['silence']);
    expect(states.at(-1)).toBe('waiting');
    await world.advance(BACKOFF_FIRST_MS);
    expect(world.sockets).toHaveLength(2);
  });

  test('with the server’s heartbeats it says something at least every 15 s', async () => {
    const { world, welcome } = await setUp();
    await welcome();
    const heard: number[] = [];
    for (let beat = 1; beat <= 24; beat += 1) {
      await world.advance(5_000);
      world.socket.say('heartbeat', 1, 1);
      if (world.socket.sent.at(-1)?.t === world.time) heard.push(world.time);
    }
    expect(heard[0]).toBeLessThanOrEqual(15_000);
    for (const [index, at] of heard.slice(1).entries()) {
      expect(at - (heard[index] ?? 0)).toBeLessThanOrEqual(15_000);
    }
    expect(PING_AFTER_MS).toBeLessThan(15_000);
  });
});

describe('waking', () => {
  test('back in front or on the network it does not wait for the pause to end', async () => {
    const { world, connection } = await setUp();
    connection.wake();
    await settle();
    expect(world.sockets).toHaveLength(1);
    world.socket.onclose?.({ code: 1006 });
    connection.wake();
    await settle();
    expect(world.sockets).toHaveLength(2);
    await world.advance(BACKOFF_FIRST_MS);
    expect(world.sockets).toHaveLength(2);
  });

  test('an open socket has to prove soon that it lives', async () => {
    const { world, connection, closed, welcome } = await setUp();
    await welcome();
    connection.wake();
    expect(world.socket.ops().at(-1)).toBe('ping');
    world.socket.say('pong', 0);
    await world.advance(PROBE_MS);
    expect(closed).toEqual([]);
    connection.wake();
    await world.advance(PROBE_MS);
    expect(closed).toEqual(['silence']);
  });
});

describe('tokens', () => {
  test('a refused token is renewed; when the new one is refused too, somebody has to sign in', async () => {
    const { world, states, welcome } = await setUp();
    await welcome();
    world.socket.onclose?.({ code: 4401 });
    await world.advance(BACKOFF_FIRST_MS);
    expect(world.tokens).toEqual([false, true]);
    expect(world.signIns).toBe(0);
    world.socket.onclose?.({ code: 4401 });
    await world.advance(BACKOFF_MAX_MS);
    expect(world.signIns).toBe(1);
    expect(world.sockets).toHaveLength(2);
    expect(states.at(-1)).toBe('idle');
  });

  test('after a welcome a later refusal begins with a renewal again', async () => {
    const { world, welcome } = await setUp();
    world.socket.onclose?.({ code: 4401 });
    await world.advance(BACKOFF_FIRST_MS);
    await welcome();
    world.socket.onclose?.({ code: 4401 });
    await world.advance(BACKOFF_MAX_MS);
    expect(world.tokens).toEqual([false, true, true]);
    expect(world.signIns).toBe(0);
  });

  test('asked for a newer token it gives one, and renews only when it has none', async () => {
    const { world, connection, states, welcome } = await setUp();
    await connection.reauthenticate();
    expect(world.socket.sent).toEqual([]);
    await welcome();
    world.socket.say('authenticate', 60);
    await settle();
    expect(world.tokens).toEqual([false, false, true]);
    expect(world.socket.sent.at(-1)).toEqual({ op: 'auth', token: 'token-3' });
    world.token_ = 'renewed elsewhere';
    await connection.reauthenticate();
    expect(world.tokens.at(-1)).toBe(false);
    expect(world.socket.sent.at(-1)).toEqual({ op: 'auth', token: 'renewed elsewhere' });
    world.socket.say('hello', { version: 2, stream: 'gateway-a' });
    expect(states).toEqual(['connecting', 'open']);
  });

  test('a renewal that fails leaves the connection as it is', async () => {
    const { world, closed, welcome } = await setUp();
    await welcome();
    world.tokenFails = true;
    world.socket.say('authenticate', 60);
    await settle();
    expect(closed).toEqual([]);
  });

  test('a token that comes after the socket was lost is not sent', async () => {
    const { world, connection, welcome } = await setUp();
    await welcome();
    const { socket } = world;
    const before = socket.sent.length;
    const asked = connection.reauthenticate();
    socket.onclose?.({ code: 1006 });
    await asked;
    expect(socket.sent).toHaveLength(before);
  });
});

describe('close codes', () => {
  test.each([1000, 1001, 1005, 1006, 1011, 4408, 4999])('%i comes back soon', async (code) => {
    const { world, closed, welcome } = await setUp();
    await welcome();
    world.socket.onclose?.({ code });
    expect(closed).toEqual([code]);
    await world.advance(BACKOFF_FIRST_MS);
    expect(world.sockets).toHaveLength(2);
  });

  test.each([1002, 1003, 1007, 1009, 4400, 4429])('%i waits long', async (code) => {
    const { world, welcome } = await setUp();
    await welcome();
    world.socket.onclose?.({ code });
    await world.advance(BACKOFF_MAX_MS - 1);
    expect(world.sockets).toHaveLength(1);
    await world.advance(1);
    expect(world.sockets).toHaveLength(2);
  });

  test('a full gateway is left in peace for a moment, and longer each time', async () => {
    const { world } = await setUp();
    world.socket.onclose?.({ code: 1013 });
    await world.advance(BACKOFF_FIRST_MS);
    expect(world.sockets).toHaveLength(1);
    await world.advance(3 * BACKOFF_FIRST_MS);
    expect(world.sockets).toHaveLength(2);
    world.socket.onclose?.({ code: 1013 });
    await world.advance(8 * BACKOFF_FIRST_MS - 1);
    expect(world.sockets).toHaveLength(2);
    await world.advance(1);
    expect(world.sockets).toHaveLength(3);
  });

  test('another market is asked for at once and whole; a refusal is not asked about again soon', async () => {
    const { world, connection, welcome } = await setUp();
    connection.subscribe({ quotes: ['SPY'] }, fakeTarget());
    await welcome();
    world.socket.say('snapshot', 1, 0, {}, [], 7);
    await world.advance(STEADY_MS);
    world.socket.onclose?.({ code: 4403 });
    await world.advance(BACKOFF_FIRST_MS);
    await welcome();
    expect(world.socket.last('subscribe').resume).toBeUndefined();
    world.socket.onclose?.({ code: 4403 });
    await world.advance(BACKOFF_MAX_MS - 1);
    expect(world.sockets).toHaveLength(2);
  });

  test('a version that is not spoken stops the tries until somebody looks', async () => {
    const { world, connection, states, welcome } = await setUp();
    await welcome();
    world.socket.onclose?.({ code: 4406 });
    expect(states.at(-1)).toBe('outdated');
    await world.advance(10 * BACKOFF_MAX_MS);
    expect(world.sockets).toHaveLength(1);
    connection.wake();
    await settle();
    expect(world.sockets).toHaveLength(2);
  });

  test('a client that did not read comes back asking less often', async () => {
    const { world, welcome } = await setUp();
    await welcome();
    world.socket.onclose?.({ code: 4409 });
    await world.advance(BACKOFF_FIRST_MS);
    await welcome();
    expect(world.socket.last('auth').interval_ms).toBe(500);
  });

  test('the wait that the server names is kept', async () => {
    const { world, welcome } = await setUp();
    await welcome();
    world.socket.say('error', { id: null, code: 'too_many', retry_after_seconds: 45 });
    world.socket.onclose?.({ code: 4429 });
    await world.advance(44_999);
    expect(world.sockets).toHaveLength(1);
    await world.advance(1);
    expect(world.sockets).toHaveLength(2);
  });

  test('pauses grow while connections break early, and begin anew after one that stood', async () => {
    const { world, welcome } = await setUp();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await welcome();
      world.socket.onclose?.({ code: 1006 });
      await world.advance(backoffMs(attempt, 1) - 1);
      expect(world.sockets).toHaveLength(attempt + 1);
      await world.advance(1);
      expect(world.sockets).toHaveLength(attempt + 2);
    }
    await welcome();
    await world.advance(STEADY_MS);
    world.socket.onclose?.({ code: 1006 });
    await world.advance(BACKOFF_FIRST_MS);
    expect(world.sockets).toHaveLength(5);
  });

  test('backoff doubles, is capped, and spreads over half of its step', () => {
    expect(backoffMs(0, 0)).toBe(BACKOFF_FIRST_MS / 2);
    expect(backoffMs(0, 1)).toBe(BACKOFF_FIRST_MS);
    expect(backoffMs(3, 1)).toBe(8 * BACKOFF_FIRST_MS);
    expect(backoffMs(99, 1)).toBe(BACKOFF_MAX_MS);
  });
});

describe('a restart of the server', () => {
  test('it comes back when the server said, whenever the close follows', async () => {
    const { world, connection, states, welcome } = await setUp();
    await welcome();
    world.socket.say('going_away', { reconnect_after_ms: 8_000 });
    await world.advance(3_000);
    world.socket.onclose?.({ code: 1012 });
    expect(states.at(-1)).toBe('waiting');
    connection.wake();
    await world.advance(4_999);
    expect(world.sockets).toHaveLength(1);
    await world.advance(1);
    expect(world.sockets).toHaveLength(2);
  });

  test('it does not wait for the close', async () => {
    const { world, welcome } = await setUp();
    await welcome();
    world.socket.say('going_away', { reconnect_after_ms: 2_000 });
    await world.advance(2_000);
    expect(world.sockets[0]?.closed).toBe(true);
    expect(world.sockets).toHaveLength(2);
  });

  test('who finds nobody there waits as after any other loss', async () => {
    const { world, welcome } = await setUp();
    await welcome();
    world.socket.say('going_away', { reconnect_after_ms: 2_000 });
    await world.advance(2_000);
    world.socket.onclose?.({ code: 1006 });
    await world.advance(BACKOFF_FIRST_MS);
    expect(world.sockets).toHaveLength(3);
  });

  test('without a word before, a restart is a lost connection', async () => {
    const { world, welcome } = await setUp();
    await welcome();
    world.socket.onclose?.({ code: 1012 });
    await world.advance(BACKOFF_FIRST_MS);
    expect(world.sockets).toHaveLength(2);
  });
});

describe('interval', () => {
  test('a hidden screen asks less often, over the open connection and the next', async () => {
    const { world, connection, welcome } = await setUp();
    await welcome();
    connection.pace.see({ visible: false });
    expect(world.socket.sent.at(-1)).toEqual({ op: 'tune', interval_ms: HIDDEN_MS });
    world.socket.onclose?.({ code: 1006 });
    connection.pace.see({ visible: true });
    connection.pace.see({ visible: false });
    await world.advance(BACKOFF_FIRST_MS);
    await welcome();
    expect(world.socket.last('auth').interval_ms).toBe(HIDDEN_MS);
  });

  test('told that it is slow it asks less often, and more often again when that has passed', async () => {
    const { world, welcome } = await setUp();
    await welcome();
    world.socket.say('slow', 12);
    expect(world.socket.sent.at(-1)).toEqual({ op: 'tune', interval_ms: 500 });
    for (let beat = 0; beat < RECOVER_MS / 5_000; beat += 1) {
      await world.advance(5_000);
      world.socket.say('heartbeat', 1, 1);
    }
    expect(world.socket.last('tune')).toEqual({ op: 'tune', interval_ms: 250 });
  });
});
