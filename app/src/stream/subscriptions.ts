/** Everything wanted of the stream, and what of it the open socket was asked for. */
import type { Frame, StreamError } from '@/stream/protocol';
import { Subscription, type Step } from '@/stream/subscription';
import { EventSubscription } from '@/stream/user-events';

type Wish = Subscription | EventSubscription;

export interface Line {
  say: (message: object) => void;
  /** The gateway at the other end. */
  stream: string;
}

export class Subscriptions {
  private readonly wishes = new Set<Wish>();
  private readonly byId = new Map<number, Wish>();
  private lastId = 0;
  private line: Line | null = null;

  constructor(private readonly later: (callback: () => void, ms: number) => () => void) {}

  /** How many are wanted, and how many the open socket was asked for. */
  get counts(): { wanted: number; asked: number } {
    return { wanted: this.wishes.size, asked: this.byId.size };
  }

  add(wish: Wish): () => void {
    this.wishes.add(wish);
    this.ask(wish);
    return () => {
      this.wishes.delete(wish);
      this.release(wish);
    };
  }

  opened(line: Line): void {
    this.line = line;
    for (const wish of this.wishes) this.ask(wish);
  }

  closed(): void {
    this.line = null;
    this.byId.clear();
    for (const wish of this.wishes) wish.detach();
  }

  /** Nothing that is there is to be continued. */
  forget(): void {
    for (const wish of this.wishes) wish.forget();
  }

  take(frame: Frame): void {
    switch (frame.type) {
      case 'snapshot':
        this.numbers(frame.id)?.snapshot(frame.header, frame.rows, this.stream, frame.seen);
        break;
      case 'changes':
        this.step(this.numbers(frame.id), (each) =>
          each.changes(frame.n, frame.rows, frame.header, frame.seen),
        );
        break;
      case 'resumed':
        this.step(this.numbers(frame.id), (each) => each.resumed(frame.header));
        break;
      case 'events':
        this.events(frame.id)?.started({ epoch: frame.epoch, offset: frame.offset }, frame.reset);
        break;
      case 'event':
        this.step(this.events(frame.id), (each) =>
          each.event(frame.offset, frame.previous, frame.event),
        );
        break;
      case 'error':
        this.failed(frame.error);
        break;
      default:
        break;
    }
  }

  private get stream(): string {
    return this.line?.stream ?? '';
  }

  private numbers(id: number): Subscription | null {
    const wish = this.byId.get(id);
    return wish instanceof Subscription ? wish : null;
  }

  private events(id: number): EventSubscription | null {
    const wish = this.byId.get(id);
    return wish instanceof EventSubscription ? wish : null;
  }

  /** A gap means that a frame was lost: what has it is asked for again under a new id. */
  private step<W extends Wish>(wish: W | null, take: (wish: W) => Step): void {
    if (wish === null || take(wish) !== 'gap') return;
    wish.forget();
    this.release(wish);
    this.ask(wish);
  }

  private failed(error: StreamError): void {
    const wish = error.id === null ? undefined : this.byId.get(error.id);
    if (wish === undefined || error.id === null) return;
    wish.failed(error);
    if (error.retryAfterMs === null) return;
    const { id } = error;
    this.later(() => {
      if (this.byId.get(id) !== wish) return;
      this.byId.delete(id);
      this.ask(wish);
    }, error.retryAfterMs);
  }

  private ask(wish: Wish): void {
    if (this.line === null) return;
    const id = ++this.lastId;
    this.byId.set(id, wish);
    this.line.say(wish.request(id, this.line.stream));
  }

  private release(wish: Wish): void {
    const { id } = wish;
    wish.detach();
    if (id !== null && this.byId.delete(id)) this.line?.say({ op: 'unsubscribe', id });
  }
}
