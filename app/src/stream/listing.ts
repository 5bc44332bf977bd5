/** The listed contracts of a chain, when only a window of its strikes is kept up to date. Pure. */
import type { ContractInfo } from '@/stream/protocol';

export interface StrikeSpan {
  from: number;
  to: number;
}

/** From the lowest to the highest strike; null without any. */
export function strikeSpan(contracts: readonly ContractInfo[]): StrikeSpan | null {
  let [from, to] = [Infinity, -Infinity];
  for (const { strike } of contracts) {
    from = Math.min(from, strike);
    to = Math.max(to, strike);
  }
  return from <= to ? { from, to } : null;
}

/** Within its window the fresh listing is the whole truth; outside of it the known one stays. */
export function mergeListing(
  known: readonly ContractInfo[],
  fresh: readonly ContractInfo[],
): readonly ContractInfo[] {
  const span = strikeSpan(fresh);
  if (span === null) return known;
  const outside = known.filter(({ strike }) => strike < span.from || strike > span.to);
  return outside.length === 0 ? fresh : [...outside, ...fresh];
}

export function covers(span: StrikeSpan | null, strike: number): boolean {
  return span === null || (strike >= span.from && strike <= span.to);
}
