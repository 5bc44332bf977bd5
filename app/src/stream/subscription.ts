/** One thing somebody looks at, and its place in the sequence of frames. Pure but for its target. */
import type { Header, Rows, StreamError } from '@/stream/protocol';

export type Strikes = { around: number } | { from: number; to: number };

export type Wanted =
  | { quotes: readonly string[] }
  | { chain: { underlying: string; expiration: string; strikes?: Strikes } };

/** Where the frames of a subscription go. */
export interface Target {
  snapshot: (header: Header, rows: Rows) => void;
  changes: (rows: Rows, header: Header | null) => void;
  /** What it has stands; `header` says what else is known of it. */
  resumed: (header: Header) => void;
  failed: (error: StreamError) => void;
}

export type Step = 'applied' | 'ignored' | 'gap';

export class Subscription {
  private wireId: number | null = null;
  private next: number | null = null;
  /** The gateway's name and the last of its changes that this has. */
  private place: { stream: string; seen: number } | null = null;

  constructor(
    readonly wanted: Wanted,
    private readonly target: Target,
  ) {}

  get id(): number | null {
    return this.wireId;
  }

  /** The socket is gone; where it was stays known, so that it can be continued. */
  detach(): void {
    this.wireId = null;
    this.next = null;
  }

  /** What it has cannot be continued: a whole answer is needed. */
  forget(): void {
    this.place = null;
  }

  request(id: number, stream: string): object {
    this.wireId = id;
    this.next = null;
    if (this.place?.stream !== stream) this.place = null;
    const resume = this.place === null ? {} : { resume: this.place };
    return { op: 'subscribe', id, ...this.wanted, ...resume };
  }

  snapshot(header: Header, rows: Rows, stream: string, seen: number): void {
    this.next = 1;
    this.place = { stream, seen };
    this.target.snapshot(header, rows);
  }

  changes(n: number, rows: Rows, header: Header | null, seen: number): Step {
    if (this.next === null || this.place === null) return 'ignored';
    if (n !== this.next) return 'gap';
    this.next = n + 1;
    this.place.seen = seen;
    this.target.changes(rows, header);
    return 'applied';
  }

  resumed(header: Header): Step {
    // Nothing was to be continued: what the server takes for known is not here.
    if (this.place === null) return 'gap';
    this.next = 1;
    this.target.resumed(header);
    return 'applied';
  }

  failed(error: StreamError): void {
    this.target.failed(error);
  }
}
