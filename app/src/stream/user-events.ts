/** The events of the signed-in user: none is lost, none comes twice, and who wants them hears them. */
import type { UserEvent } from '@/stream/protocol';
import type { Step } from '@/stream/subscription';

/** The last event that this device has. */
export interface EventPlace {
  epoch: string;
  offset: number;
}

export interface EventTarget {
  event: (event: UserEvent) => void;
  /** Some are gone for good: what they were about has to be loaded anew. */
  reset: () => void;
  moved: (place: EventPlace) => void;
}

export class EventSubscription {
  private wireId: number | null = null;
  private began = false;

  constructor(
    private readonly channels: readonly string[],
    private place: EventPlace | null,
    private readonly target: EventTarget,
  ) {}

  get id(): number | null {
    return this.wireId;
  }

  detach(): void {
    this.wireId = null;
    this.began = false;
  }

  /** The place is in a history that outlives connections: there is nothing to forget. */
  forget(): void {}

  request(id: number): object {
    this.wireId = id;
    this.began = false;
    const after = this.place === null ? {} : { after: this.place };
    return { op: 'subscribe', id, events: this.channels, ...after };
  }

  started(place: EventPlace, reset: boolean): void {
    this.began = true;
    this.place = place;
    this.target.moved(place);
    if (reset) this.target.reset();
  }

  event(offset: number, previous: number, event: UserEvent): Step {
    if (!this.began || this.place === null || offset <= this.place.offset) return 'ignored';
    if (previous > this.place.offset) return 'gap';
    this.place = { ...this.place, offset };
    this.target.event(event);
    this.target.moved(this.place);
    return 'applied';
  }

  /** Why is not for the screen: the next connection asks again. */
  failed(): void {}
}

type Listener = (event: UserEvent) => void;

/** Features hear the events of a channel here, wherever they are mounted. */
export class EventBus<Channel extends string> {
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly resets = new Set<() => void>();

  on(channel: Channel, listener: Listener): () => void {
    const set = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, set.add(listener));
    return () => {
      set.delete(listener);
    };
  }

  /** Events are gone for good: what they would have told has to be loaded anew. */
  onReset(listener: () => void): () => void {
    this.resets.add(listener);
    return () => {
      this.resets.delete(listener);
    };
  }

  readonly event = (event: UserEvent): void => {
    for (const listener of [...(this.listeners.get(event.channel) ?? [])]) listener(event);
  };

  readonly reset = (): void => {
    for (const listener of [...this.resets]) listener();
  };
}
