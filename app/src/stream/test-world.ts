/** A scripted world: sockets that record what they are told, timers moved by hand. */
import type { CloseCode } from '@/stream/closing';
import { Connection } from '@/stream/connection';
import type { Format, Frame } from '@/stream/protocol';
import type { Target } from '@/stream/subscription';
import type { ConnectionState, Socket } from '@/stream/world';

export type Said = Record<string, unknown> & { op: string; id?: number };

export class FakeSocket implements Socket {
  sent: Said[] = [];
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
  bytes(data: ArrayBuffer) {
    this.onmessage?.({ data });
  }
  ops() {
    return this.sent.map((message) => message.op);
  }
  last(op: string): Said {
    const found = this.sent.filter((message) => message.op === op).at(-1);
    if (found === undefined) throw new Error(`nobody said ${op}`);
    return found;
  }
}

export class FakeWorld {
  sockets: FakeSocket[] = [];
  tokens: boolean[] = [];
  tokenFails = false;
  /** The same token until a fresh one is asked for, as the session has it. */
  token_ = 'token-1';
  wire: Format = 'binary';
  signIns = 0;
  time = 0;
  timers: { at: number; run: () => void; live: boolean }[] = [];
  random = () => 1;
  now = () => this.time;
  format = () => this.wire;
  signIn = () => {
    this.signIns += 1;
  };
  open = () => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  };
  token = async (fresh: boolean) => {
    this.tokens.push(fresh);
    if (this.tokenFails) throw new Error('no network');
    if (fresh) this.token_ = `token-${this.tokens.length}`;
    return this.token_;
  };
  later = (run: () => void, ms: number) => {
    const timer = { at: this.time + ms, run, live: true };
    this.timers.push(timer);
    return () => {
      timer.live = false;
    };
  };
  /** Timers that still wait. */
  get waiting(): number {
    return this.timers.filter((timer) => timer.live).length;
  }
  async advance(ms: number) {
    this.time += ms;
    const due = this.timers.filter((timer) => timer.live && timer.at <= this.time);
    this.timers = this.timers.filter((timer) => timer.live && timer.at > this.time);
    for (const timer of due) if (timer.live) timer.run();
    await settle();
  }
  get socket(): FakeSocket {
    const last = this.sockets[this.sockets.length - 1];
    if (last === undefined) throw new Error('no socket yet');
    return last;
  }
}

export async function settle() {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

export function fakeTarget(): jest.Mocked<Target> {
  return { snapshot: jest.fn(), changes: jest.fn(), resumed: jest.fn(), failed: jest.fn() };
}

export const HELLO_WORDS = { quality: ['realtime'], trading: ['open'], status: ['ok'] };

export async function setUp() {
  const world = new FakeWorld();
  const states: ConnectionState[] = [];
  const frames: Frame[] = [];
  const closed: CloseCode[] = [];
  const connection = new Connection(world, {
    state: (state) => states.push(state),
    frame: (frame) => frames.push(frame),
    closed: (code) => closed.push(code),
  });
  connection.start();
  await settle();
  const welcome = async (stream = 'gateway-a') => {
    await settle();
    world.socket.onopen?.();
    world.socket.say('hello', { version: 2, stream, heartbeat_seconds: 5, words: HELLO_WORDS });
  };
  return { world, connection, states, frames, closed, welcome };
}
