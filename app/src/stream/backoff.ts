/** How long to wait before the next try: doubling, capped, with jitter so that clients spread out. */
export const BACKOFF_FIRST_MS = 500;
export const BACKOFF_MAX_MS = 30_000;

/** `attempt` counts from 0; `random` is in [0, 1). The wait is between half and all of the step. */
export function backoffMs(attempt: number, random: number): number {
  const step = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(step / 2 + (step / 2) * random);
}
