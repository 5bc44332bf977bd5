/** When the connection tries again: after growing pauses, at once, or when the server said. */
import { backoffMs } from '@/stream/backoff';
import type { Later } from '@/stream/world';

export class Comeback {
  private attempt = 0;
  private atLeastMs = 0;
  private leaving = false;
  private cancelTimer: (() => void) | null = null;

  constructor(
    private readonly world: { later: Later; random: () => number },
    private readonly connect: () => void,
  ) {}

  /** The server is being restarted and has said when to come back. */
  get arranged(): boolean {
    return this.leaving;
  }

  /** The next pause is the shortest. */
  fresh(): void {
    this.attempt = 0;
  }

  /** The next pause is at least that of this many failed tries. */
  atLeast(attempts: number): void {
    this.attempt = Math.max(this.attempt, attempts);
  }

  /** The next pause is at least what the server asked for. */
  notBefore(ms: number): void {
    this.atLeastMs = ms;
  }

  cancel(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
    this.leaving = false;
  }

  wait(): void {
    const ms = Math.max(backoffMs(this.attempt, this.world.random()), this.atLeastMs);
    this.attempt += 1;
    this.atLeastMs = 0;
    this.schedule(ms);
  }

  arrange(ms: number): void {
    this.schedule(ms);
    this.leaving = true;
  }

  private schedule(ms: number): void {
    this.cancel();
    this.cancelTimer = this.world.later(this.connect, ms);
  }
}
