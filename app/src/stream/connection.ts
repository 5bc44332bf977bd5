/**
 * The one socket of the app.
 *
 * It opens while somebody wants it, authenticates, subscribes to everything wanted, checks the
 * sequence of every subscription and asks again after a gap, closes a socket that went mute, and
 * comes back with backoff. What it cannot do is decide what a number means: frames go to targets.
 */
import { backoffMs, BACKOFF_MAX_MS } from '@/stream/backoff';
import { parseFrame, type Frame } from '@/stream/protocol';
import { Subscription, type Step, type Target, type Wanted } from '@/stream/subscription';

export interface Socket {
  send: (text: string) => void;
  close: () => void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: (() => void) | null;
}

export interface World {
  open: () => Socket;
  /** A token the server will take; `fresh` after it refused the last one. */
  token: (fresh: boolean) => Promise<string>;
  now: () => number;
  random: () => number;
  later: (callback: () => void, ms: number) => () => void;
}

export interface Events {
  state: (state: ConnectionState) => void;
  frame: (frame: Frame) => void;
}

export type ConnectionState = 'idle' | 'connecting' | 'open' | 'waiting';

/** The server promises a heartbeat every 5 s; this much silence means the network is gone. */
export const SILENCE_MAX_MS = 12_000;
const CLOSED_TOKEN = 4401;
const CLOSED_TOO_MANY = 4429;
const CLOSED_NOT_ENTITLED = 4403;

export class Connection {
  private socket: Socket | null = null;
  private readonly subscriptions = new Set<Subscription>();
  private readonly byId = new Map<number, Subscription>();
  private lastId = 0;
  private attempt = 0;
  private refused = false;
  private running = false;
  private ready = false;
  private cancelTimer: (() => void) | null = null;
  private cancelWatch: (() => void) | null = null;
  private generation = 0;

  constructor(
    private readonly world: World,
    private readonly events: Events,
  ) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    this.attempt = 0;
    void this.connect();
  }

  stop(): void {
    this.running = false;
    this.drop();
    this.cancelTimer?.();
    this.cancelTimer = null;
    this.events.state('idle');
  }

  /** Try at once: the network came back, or the person pressed a button. */
  retryNow(): void {
    if (!this.running || this.socket !== null) return;
    this.cancelTimer?.();
    this.attempt = 0;
    void this.connect();
  }

  subscribe(wanted: Wanted, target: Target): () => void {
    const subscription = new Subscription(wanted, target);
    this.subscriptions.add(subscription);
    if (this.ready) this.ask(subscription);
    return () => {
      this.subscriptions.delete(subscription);
      this.release(subscription);
    };
  }

  /** Give the open socket a newer token, so that it outlives the old one. */
  async reauthenticate(): Promise<void> {
    const socket = this.socket;
    if (!this.ready || socket === null) return;
    const token = await this.world.token(false);
    if (this.socket === socket) socket.send(JSON.stringify({ op: 'auth', token }));
  }

  private async connect(): Promise<void> {
    const generation = ++this.generation;
    this.events.state('connecting');
    let token: string;
    try {
      token = await this.world.token(this.refused);
    } catch {
      if (generation === this.generation) this.wait();
      return;
    }
    if (!this.running || generation !== this.generation) return;
    const socket = this.world.open();
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ op: 'auth', token }));
    socket.onmessage = (event) => {
      if (this.socket === socket) this.receive(event.data);
    };
    socket.onclose = (event) => {
      if (this.socket === socket) this.lost(event.code);
    };
    socket.onerror = () => undefined; // a close event always follows
    this.watch();
  }

  private receive(data: unknown): void {
    this.watch();
    const frame = parseFrame(data);
    if (frame === null) return;
    switch (frame.type) {
      case 'hello':
        this.welcomed();
        break;
      case 'snapshot':
        this.byId.get(frame.id)?.snapshot(frame.header, frame.rows);
        break;
      case 'changes':
        this.advance(frame.id, (each) => each.changes(frame.n, frame.rows, frame.header));
        break;
      case 'error':
        if (frame.error.id !== null) this.byId.get(frame.error.id)?.failed(frame.error);
        break;
      default:
        break;
    }
    this.events.frame(frame);
  }

  private welcomed(): void {
    if (this.ready) return; // the answer to a newer token on the same socket
    this.ready = true;
    this.refused = false;
    this.attempt = 0;
    this.events.state('open');
    for (const subscription of this.subscriptions) this.ask(subscription);
  }

  private advance(id: number, step: (subscription: Subscription) => Step): void {
    const subscription = this.byId.get(id);
    if (subscription === undefined || step(subscription) !== 'gap') return;
    this.release(subscription);
    this.ask(subscription);
  }

  private ask(subscription: Subscription): void {
    const id = ++this.lastId;
    this.byId.set(id, subscription);
    this.socket?.send(subscription.request(id));
  }

  private release(subscription: Subscription): void {
    const id = subscription.id;
    subscription.detach();
    if (id === null || !this.byId.delete(id) || !this.ready) return;
    this.socket?.send(JSON.stringify({ op: 'unsubscribe', id }));
  }

  private watch(): void {
    this.cancelWatch?.();
    this.cancelWatch = this.world.later(() => {
      this.drop();
      this.wait();
    }, SILENCE_MAX_MS);
  }

  private lost(code: number): void {
    this.drop();
    if (code === CLOSED_TOKEN) {
      // Refused right after a fresh token: backoff keeps a wrong clock from hammering the server.
      if (this.refused) this.attempt += 1;
      this.refused = true;
    }
    // Neither changes by asking again soon.
    if (code === CLOSED_TOO_MANY || code === CLOSED_NOT_ENTITLED)
      this.attempt = Math.max(this.attempt, 6);
    this.wait();
  }

  private drop(): void {
    this.generation += 1;
    this.cancelWatch?.();
    this.cancelWatch = null;
    this.ready = false;
    this.byId.clear();
    for (const subscription of this.subscriptions) subscription.detach();
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private wait(): void {
    this.events.state('waiting');
    const ms = Math.min(BACKOFF_MAX_MS, backoffMs(this.attempt, this.world.random()));
    this.attempt += 1;
    this.cancelTimer?.();
    this.cancelTimer = this.world.later(() => void this.connect(), ms);
  }
}
