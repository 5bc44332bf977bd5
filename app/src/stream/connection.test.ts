// A scripted world: sockets that record what they are told, timers moved by hand.
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, backoffMs } from '@/stream/backoff';
import { Connection, SILENCE_MAX_MS, type ConnectionState, type Socket } from '@/stream/connection';
import type { Frame } from '@/stream/protocol';
import type { Target } from '@/stream/subscription';

class FakeSocket implements Socket {
  sent: { op: string; id?: number; token?: string; quotes?: string[] }[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  send = (text: string) => {
    this.sent.push(JSON.parse(text));
  };
  close = () => {
    this.closed = true;
  };
  say(...frame: unknown[]) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  ops() {
    return this.sent.map((message) => message.op);
  }
}

class World {
  sockets: FakeSocket[] = [];
  tokens: boolean[] = [];
  tokenFails = false;
  time = 0;
  timers: { at: number; run: () => void; live: boolean }[] = [];
  random = () => 0.5;
  now = () => this.time;
  open = () => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  };
  token = async (fresh: boolean) => {
    this.tokens.push(fresh);
    if (this.tokenFails) throw new Error('no network');
    return `token-${this.tokens.length}`;
  };
  later = (run: () => void, ms: number) => {
    const timer = { at: this.time + ms, run, live: true };
    this.timers.push(timer);
    return () => {
      timer.live = false;
    };
  };
  async advance(ms: number) {
    this.time += ms;
    const due = this.timers.filter((timer) => timer.live && timer.at <= this.time);
    this.timers = this.timers.filter((timer) => timer.live && timer.at > this.time);
    for (const timer of due) timer.run();
    await settle();
  }
  get socket(): FakeSocket {
    const last = this.sockets[this.sockets.length - 1];
    if (last === undefined) throw new Error('no socket yet');
    return last;
  }
}

async function settle() {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

function target(): jest.Mocked<Target> {
  return { snapshot: jest.fn(), changes: jest.fn(), failed: jest.fn() };
}

async function setUp() {
  const world = new World();
  const states: ConnectionState[] = [];
  const frames: Frame[] = [];
  const connection = new Connection(world, {
    state: (state) => states.push(state),
    frame: (frame) => frames.push(frame),
  });
  connection.start();
  await settle();
  const welcome = async () => {
    await settle();
    world.socket.onopen?.();
    world.socket.say('hello', { version: 1, epoch: 'e', heartbeat_seconds: 5 });
  };
  return { world, connection, states, frames, welcome };
}

test('it authenticates first and subscribes to what is wanted once welcomed', async () => {
  const { world, connection, states, welcome } = await setUp();
  connection.subscribe({ quotes: ['SPY'] }, target());
  world.socket.onopen?.();
  expect(world.socket.sent).toEqual([{ op: 'auth', token: 'token-1' }]);
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

test('snapshot and changes in order reach their target', async () => {
  const { world, connection, welcome } = await setUp();
  const mine = target();
  await welcome();
  connection.subscribe({ quotes: ['SPY'] }, mine);
  world.socket.say('changes', 1, 1, [['early']], null);
  expect(mine.changes).not.toHaveBeenCalled();
  world.socket.say('snapshot', 1, 0, { kind: 'quotes' }, [['a']]);
  world.socket.say('changes', 1, 1, [['b']], null);
  world.socket.say('changes', 1, 2, [['c']], { spot: [] });
  expect(mine.snapshot).toHaveBeenCalledWith({ kind: 'quotes' }, [['a']]);
  expect(mine.changes.mock.calls).toEqual([
    [[['b']], null],
    [[['c']], { spot: [] }],
  ]);
});

test('a new snapshot starts the count again', async () => {
  const { world, connection, welcome } = await setUp();
  const mine = target();
  await welcome();
  connection.subscribe({ quotes: ['SPY'] }, mine);
  world.socket.say('snapshot', 1, 0, {}, []);
  world.socket.say('changes', 1, 1, [], null);
  world.socket.say('snapshot', 1, 0, {}, []);
  world.socket.say('changes', 1, 1, [['x']], null);
  expect(mine.changes).toHaveBeenCalledTimes(2);
});

test('a gap asks again under a new id and drops what follows the gap', async () => {
  const { world, connection, welcome } = await setUp();
  const mine = target();
  await welcome();
  connection.subscribe({ quotes: ['SPY'] }, mine);
  world.socket.say('snapshot', 1, 0, {}, []);
  world.socket.say('changes', 1, 2, [['lost one']], null);
  expect(world.socket.ops().slice(-2)).toEqual(['unsubscribe', 'subscribe']);
  expect(world.socket.sent.at(-1)?.id).toBe(2);
  world.socket.say('changes', 1, 3, [['old id']], null);
  expect(mine.changes).not.toHaveBeenCalled();
  world.socket.say('snapshot', 2, 0, {}, [['whole']]);
  expect(mine.snapshot).toHaveBeenLastCalledWith({}, [['whole']]);
});

test('errors go to the subscription they name; unreadable frames are passed over', async () => {
  const { world, connection, frames, welcome } = await setUp();
  const mine = target();
  await welcome();
  connection.subscribe({ chain: { underlying: 'XX', expiration: '2026-12-18' } }, mine);
  world.socket.say('error', { id: 1, code: 'unknown_symbol', detail: 'd', next_step: 'n' });
  world.socket.say('error', { id: null, code: 'unreadable', detail: 'd', next_step: 'n' });
  expect(mine.failed).toHaveBeenCalledTimes(1);
  const before = frames.length;
  world.socket.onmessage?.({ data: 'garbage' });
  world.socket.say('snapshot', 99, 0, {}, []);
  expect(frames).toHaveLength(before + 1);
});

test('leaving unsubscribes once', async () => {
  const { world, connection, welcome } = await setUp();
  await welcome();
  const leave = connection.subscribe({ quotes: ['SPY'] }, target());
  leave();
  leave();
  expect(world.socket.ops().filter((op) => op === 'unsubscribe')).toHaveLength(1);
});

test('silence longer than the limit closes and comes back', async () => {
  const { world, states, welcome } = await setUp();
  await welcome();
  await world.advance(SILENCE_MAX_MS - 1);
  world.socket.say('heartbeat', 1, 1);
  await world.advance(SILENCE_MAX_MS - 1);
  expect(world.socket.closed).toBe(false);
  await world.advance(1);
  expect(world.sockets[0]?.closed).toBe(true);
  expect(states.at(-1)).toBe('waiting');
  await world.advance(BACKOFF_FIRST_MS);
  expect(world.sockets).toHaveLength(2);
});

test('after a reconnect everything wanted is asked for again', async () => {
  const { world, connection, welcome } = await setUp();
  const mine = target();
  connection.subscribe({ quotes: ['SPY'] }, mine);
  await welcome();
  world.socket.say('snapshot', 1, 0, {}, []);
  world.socket.onclose?.({ code: 1006 });
  await world.advance(BACKOFF_FIRST_MS);
  await welcome();
  expect(world.socket.sent.at(-1)).toMatchObject({ op: 'subscribe', id: 2 });
  world.sockets[0]?.say('changes', 1, 1, [['ghost']], null);
  world.sockets[0]?.onclose?.({ code: 1006 });
  expect(mine.changes).not.toHaveBeenCalled();
  expect(world.sockets).toHaveLength(2);
});

test('a refused token is renewed before the next try', async () => {
  const { world, welcome } = await setUp();
  await welcome();
  world.socket.onclose?.({ code: 4401 });
  await world.advance(BACKOFF_FIRST_MS);
  expect(world.tokens).toEqual([false, true]);
  world.socket.onclose?.({ code: 4401 });
  await world.advance(BACKOFF_MAX_MS);
  await welcome();
  world.socket.onclose?.({ code: 1006 });
  await world.advance(BACKOFF_FIRST_MS);
  expect(world.tokens).toEqual([false, true, true, false]);
});

test('too many sockets waits long', async () => {
  const { world, welcome } = await setUp();
  await welcome();
  world.socket.onclose?.({ code: 4429 });
  await world.advance(20_000);
  expect(world.sockets).toHaveLength(1);
  await world.advance(10_000);
  expect(world.sockets).toHaveLength(2);
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

test('a retry by hand does not wait, and does nothing while a socket is there', async () => {
  const { world, connection } = await setUp();
  connection.retryNow();
  await settle();
  expect(world.sockets).toHaveLength(1);
  world.socket.onclose?.({ code: 1006 });
  connection.retryNow();
  await settle();
  expect(world.sockets).toHaveLength(2);
  await world.advance(BACKOFF_MAX_MS);
});

test('a newer token is given to the open socket, not to a waiting one', async () => {
  const { world, connection, states, welcome } = await setUp();
  await connection.reauthenticate();
  expect(world.socket.sent).toEqual([]);
  await welcome();
  await connection.reauthenticate();
  expect(world.socket.sent.at(-1)).toEqual({ op: 'auth', token: 'token-2' });
  world.socket.say('hello', { version: 1, epoch: 'e', heartbeat_seconds: 5 });
  expect(states).toEqual(['connecting', 'open']);
});

test('stopping closes, and nothing comes back', async () => {
  const { world, connection, states, welcome } = await setUp();
  await welcome();
  connection.stop();
  expect(world.socket.closed).toBe(true);
  await world.advance(BACKOFF_MAX_MS);
  connection.retryNow();
  await settle();
  expect(world.sockets).toHaveLength(1);
  expect(states.at(-1)).toBe('idle');
});

test('a token that comes after the socket was lost is not sent', async () => {
  const { world, connection, welcome } = await setUp();
  await welcome();
  const socket = world.socket;
  const before = socket.sent.length;
  const asked = connection.reauthenticate();
  socket.onclose?.({ code: 1006 });
  await asked;
  expect(socket.sent).toHaveLength(before);
});

test('stopping while no token can be had leaves nothing waiting', async () => {
  const world = new World();
  world.tokenFails = true;
  const states: ConnectionState[] = [];
  const connection = new Connection(world, {
    state: (state) => states.push(state),
    frame: () => undefined,
  });
  connection.start();
  connection.stop();
  await settle();
  expect(states).toEqual(['connecting', 'idle']);
});

test('stopping while the token is fetched opens nothing', async () => {
  const world = new World();
  const connection = new Connection(world, { state: () => undefined, frame: () => undefined });
  connection.start();
  connection.stop();
  await settle();
  expect(world.sockets).toHaveLength(0);
});

test('backoff doubles, is capped, and spreads over half of its step', () => {
  expect(backoffMs(0, 0)).toBe(BACKOFF_FIRST_MS / 2);
  expect(backoffMs(0, 1)).toBe(BACKOFF_FIRST_MS);
  expect(backoffMs(3, 1)).toBe(8 * BACKOFF_FIRST_MS);
  expect(backoffMs(99, 1)).toBe(BACKOFF_MAX_MS);
});
