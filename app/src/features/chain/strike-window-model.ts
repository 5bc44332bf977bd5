/** How many strikes around the money are kept up to date: what is shown, and some to scroll into. Pure. */
import type { StrikeSpan } from '@/stream/listing';
import type { ContractInfo } from '@/stream/protocol';

/** Windows asked for, in strikes to each side of the money; after the last comes the whole chain. */
export const WINDOWS = [20, 40, 80] as const;
export const FIRST_WINDOW = WINDOWS[0];
/** Strikes kept ready beyond what is drawn, which is half a view more than what is seen. */
const READY = 4;

/** Every strike of the chain, ascending: roots share the window. */
export function strikesOf(contracts: readonly ContractInfo[]): number[] {
  return [...new Set(contracts.map((each) => each.strike))].sort((a, b) => a - b);
}

/** The window that holds what is shown. It only grows: who scrolls back finds all still live. */
export function windowFor(
  strikes: readonly number[],
  spot: number | null,
  shown: StrikeSpan,
  now: number | null,
): number | null {
  if (spot === null || now === null) return now;
  let [below, above] = [0, 0];
  for (const strike of strikes) {
    if (strike <= spot && strike >= shown.from) below += 1;
    if (strike > spot && strike <= shown.to) above += 1;
  }
  const needed = Math.max(below, above) + READY;
  return needed <= now ? now : (WINDOWS.find((each) => each >= needed) ?? null);
}
