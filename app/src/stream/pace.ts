/**
 * How often numbers are asked for: what the screen and the network need, less when the server says
 * that this device does not keep up, and back again when it does.
 */
export const SHOWN_MS = 250;
export const SAVER_MS = 1_000;
export const HIDDEN_MS = 2_000;
/** This long without a complaint, and the interval goes one step back. */
export const RECOVER_MS = 60_000;
const STRAIN_MAX = 3;

export interface Situation {
  visible: boolean;
  saver: boolean;
}

/** `strain` counts the complaints that still hold: each doubles the interval. */
export function intervalOf({ visible, saver }: Situation, strain: number): number {
  const wanted = !visible ? HIDDEN_MS : saver ? SAVER_MS : SHOWN_MS;
  return Math.min(HIDDEN_MS, wanted * 2 ** strain);
}

export class Pace {
  private situation: Situation = { visible: true, saver: false };
  private strain = 0;
  private cancel: (() => void) | null = null;

  constructor(
    private readonly later: (callback: () => void, ms: number) => () => void,
    private readonly changed: (intervalMs: number) => void,
  ) {}

  get intervalMs(): number {
    return intervalOf(this.situation, this.strain);
  }

  see(change: Partial<Situation>): void {
    this.change(() => {
      this.situation = { ...this.situation, ...change };
    });
  }

  slower(): void {
    this.change(() => {
      this.strain = Math.min(STRAIN_MAX, this.strain + 1);
    });
    this.cancel?.();
    this.cancel = this.later(() => this.recover(), RECOVER_MS);
  }

  /** The next connection starts without the complaints of this one. */
  rest(): void {
    this.cancel?.();
    this.cancel = null;
    this.change(() => {
      this.strain = 0;
    });
  }

  private recover(): void {
    this.cancel = null;
    this.change(() => {
      this.strain -= 1;
    });
    if (this.strain > 0) this.cancel = this.later(() => this.recover(), RECOVER_MS);
  }

  private change(apply: () => void): void {
    const before = this.intervalMs;
    apply();
    if (this.intervalMs !== before) this.changed(this.intervalMs);
  }
}
