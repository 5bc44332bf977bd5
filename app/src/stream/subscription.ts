/** One thing somebody looks at, and its place in the sequence of frames. Pure but for its target. */
import type { Header, Row, StreamError } from '@/stream/protocol';

export type Wanted =
  { quotes: readonly string[] } | { chain: { underlying: string; expiration: string } };

/** Where the frames of a subscription go. */
export interface Target {
  snapshot: (header: Header, rows: readonly Row[]) => void;
  changes: (rows: readonly Row[], header: Header | null) => void;
  failed: (error: StreamError) => void;
}

export type Step = 'applied' | 'ignored' | 'gap';

export class Subscription {
  private wireId: number | null = null;
  private next: number | null = null;

  constructor(
    readonly wanted: Wanted,
    private readonly target: Target,
  ) {}

  get id(): number | null {
    return this.wireId;
  }

  /** Forget the place in the sequence: the socket is gone, or a gap makes it worthless. */
  detach(): void {
    this.wireId = null;
    this.next = null;
  }

  request(id: number): string {
    this.wireId = id;
    this.next = null;
    return JSON.stringify({ op: 'subscribe', id, ...this.wanted });
  }

  snapshot(header: Header, rows: readonly Row[]): Step {
    this.next = 1;
    this.target.snapshot(header, rows);
    return 'applied';
  }

  changes(n: number, rows: readonly Row[], header: Header | null): Step {
    if (this.next === null) return 'ignored';
    if (n !== this.next) return 'gap';
    this.next = n + 1;
    this.target.changes(rows, header);
    return 'applied';
  }

  failed(error: StreamError): void {
    this.target.failed(error);
  }
}
