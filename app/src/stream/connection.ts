/**
 * The one socket of the app.
 *
 * It opens while somebody wants it, authenticates, hands frames to whoever asked for them, closes a
 * socket that went mute or speaks nonsense, and comes back: how soon is `closing.ts` and
 * `comeback.ts`. What it cannot do is decide what a number means.
 */
import { readBinary } from '@/stream/binary';
import { planAfter, type CloseCode } from '@/stream/closing';
import { Comeback } from '@/stream/comeback';
import { readText } from '@/stream/frames';
import { Pace } from '@/stream/pace';
import { BadFrame, VERSION, type Frame, type Hello, type Words } from '@/stream/protocol';
import { Subscription, type Target, type Wanted } from '@/stream/subscription';
import { Subscriptions } from '@/stream/subscriptions';
import type { EventSubscription } from '@/stream/user-events';
import type { Events, Socket, World } from '@/stream/world';

/** The server promises a heartbeat every 5 s; this much silence means the network is gone. */
export const SILENCE_MAX_MS = 12_000;
/** After a change of network or a time in the background, a socket must answer this soon. */
export const PROBE_MS = 4_000;
/** The server wants to hear something every 15 s; with its heartbeats this keeps well below. */
export const PING_AFTER_MS = 10_000;
/** A connection that stood this long is no failed try. */
export const STEADY_MS = 10_000;

export class Connection {
  readonly pace: Pace;
  readonly subscriptions: Subscriptions;
  private readonly comeback: Comeback;
  private socket: Socket | null = null;
  private words: Words | null = null;
  private openedAt: number | null = null;
  private saidAt = 0;
  private sentToken: string | null = null;
  private renewed = false;
  private running = false;
  private cancelWatch: (() => void) | null = null;
  private generation = 0;

  constructor(
    private readonly world: World,
    private readonly events: Events,
  ) {
    this.subscriptions = new Subscriptions(world.later);
    this.comeback = new Comeback(world, () => this.again());
    this.pace = new Pace(world.later, (interval_ms) => {
      if (this.openedAt !== null) this.say({ op: 'tune', interval_ms });
    });
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.comeback.fresh();
    this.renewed = false;
    void this.connect();
  }

  stop(): void {
    this.running = false;
    this.comeback.cancel();
    this.drop();
    this.subscriptions.forget();
    this.pace.rest();
    this.events.state('idle');
  }

  /** Begin anew: what is agreed for a whole connection has changed. */
  restart(): void {
    if (!this.running) return;
    this.subscriptions.forget();
    this.again();
  }

  /** The network or the person is back: try at once, or make sure that the socket still lives. */
  wake(): void {
    if (!this.running || this.comeback.arranged) return;
    if (this.socket === null) {
      this.comeback.fresh();
      void this.connect();
    } else if (this.openedAt !== null) {
      this.ping();
      this.watch(PROBE_MS);
    }
  }

  subscribe(wanted: Wanted, target: Target): () => void {
    return this.subscriptions.add(new Subscription(wanted, target));
  }

  follow(events: EventSubscription): () => void {
    return this.subscriptions.add(events);
  }

  /** Give the open socket a newer token, so that it outlives the old one. */
  async reauthenticate(): Promise<void> {
    const { socket } = this;
    if (this.openedAt === null) return;
    let token = await this.world.token(false);
    if (token === this.sentToken) token = await this.world.token(true);
    if (this.socket !== socket || token === this.sentToken) return;
    this.sentToken = token;
    this.say({ op: 'auth', token });
  }

  private async connect(): Promise<void> {
    this.comeback.cancel();
    const generation = ++this.generation;
    this.events.state('connecting');
    let token: string;
    try {
      token = await this.world.token(this.renewed);
    } catch {
      if (generation === this.generation) this.wait();
      return;
    }
    if (!this.running || generation !== this.generation) return;
    const socket = this.world.open();
    this.socket = socket;
    socket.onopen = () => this.authenticate(token);
    socket.onmessage = (event) => {
      if (this.socket === socket) this.receive(event.data);
    };
    socket.onclose = (event) => {
      if (this.socket === socket) this.lost(event.code);
    };
    socket.onerror = () => undefined; // a close event always follows
    this.watch(SILENCE_MAX_MS);
  }

  private authenticate(token: string): void {
    this.sentToken = token;
    this.say({
      op: 'auth',
      token,
      version: VERSION,
      format: this.world.format(),
      interval_ms: this.pace.intervalMs,
    });
  }

  private receive(data: unknown): void {
    try {
      const frame = this.read(data);
      if (this.openedAt !== null || frame?.type === 'hello') this.watch(SILENCE_MAX_MS);
      if (frame !== null) this.take(frame);
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      this.lost('nonsense');
      return;
    }
    if (this.openedAt !== null && this.world.now() - this.saidAt >= PING_AFTER_MS) this.ping();
  }

  private read(data: unknown): Frame | null {
    if (typeof data === 'string') return readText(data);
    if (data instanceof ArrayBuffer) return readBinary(data, this.words);
    throw new BadFrame('neither text nor bytes');
  }

  private take(frame: Frame): void {
    switch (frame.type) {
      case 'hello':
        this.welcomed(frame);
        break;
      case 'slow':
        this.pace.slower();
        break;
      case 'authenticate':
        // Without a newer token the server ends this one with 4401, which renews it too.
        this.reauthenticate().catch(() => undefined);
        break;
      case 'going_away':
        this.comeback.arrange(frame.reconnectAfterMs);
        break;
      case 'error':
        if (frame.error.id === null) this.comeback.notBefore(frame.error.retryAfterMs ?? 0);
        break;
      default:
        break;
    }
    this.events.frame(frame);
    this.subscriptions.take(frame);
  }

  private welcomed(hello: Hello): void {
    if (this.openedAt !== null) return; // the answer to a newer token on the same socket
    this.openedAt = this.world.now();
    this.words = hello.words;
    this.renewed = false;
    this.events.state('open');
    this.subscriptions.opened({ say: (message) => this.say(message), stream: hello.stream });
  }

  private say(message: object): void {
    this.saidAt = this.world.now();
    this.socket?.send(JSON.stringify(message));
  }

  private ping(): void {
    this.say({ op: 'ping', t: this.world.now() });
  }

  private watch(ms: number): void {
    this.cancelWatch?.();
    this.cancelWatch = this.world.later(() => this.lost('silence'), ms);
  }

  private lost(code: CloseCode): void {
    const steady = this.openedAt !== null && this.world.now() - this.openedAt >= STEADY_MS;
    if (steady) this.comeback.fresh();
    const plan = planAfter({ code, renewed: this.renewed, steady });
    this.drop();
    this.events.closed(code);
    if (plan.forget) this.subscriptions.forget();
    if (plan.slower) this.pace.slower();
    this.renewed = plan.next === 'renew';
    this.comeback.atLeast(plan.attempts);
    if (plan.next === 'sign-in') {
      this.stop();
      this.world.signIn();
    } else if (plan.next === 'update') this.events.state('outdated');
    else this.wait();
  }

  private drop(): void {
    this.generation += 1;
    this.cancelWatch?.();
    this.cancelWatch = null;
    this.openedAt = null;
    this.words = null;
    this.subscriptions.closed();
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  private wait(): void {
    this.events.state('waiting');
    if (!this.comeback.arranged) this.comeback.wait();
  }

  private again(): void {
    this.drop();
    void this.connect();
  }
}
