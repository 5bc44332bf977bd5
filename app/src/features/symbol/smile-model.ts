/** The volatility smile of one date: IV out of the money by strike, near enough to matter. Pure. */
import type { ContractInfo, ContractTick } from '@/stream/protocol';

export interface SmilePoint {
  strike: number;
  iv: number;
}

const SIGMAS_SHOWN = 2.5;

/** One point a strike, from the side out of the money; strikes without IV have no point. */
export function smileOf(
  contracts: readonly ContractInfo[],
  tickOf: (key: string) => Pick<ContractTick, 'iv'> | undefined,
  spot: number,
  move: number | null,
): SmilePoint[] {
  const reach = move === null ? Infinity : SIGMAS_SHOWN * move;
  const points = new Map<number, number>();
  for (const { key, right, strike } of contracts) {
    const outside = right === 'C' ? strike >= spot : strike < spot;
    const iv = tickOf(key)?.iv;
    if (!outside || Math.abs(strike - spot) > reach || iv === null || iv === undefined) continue;
    points.set(strike, iv);
  }
  return [...points].map(([strike, iv]) => ({ strike, iv })).sort((a, b) => a.strike - b.strike);
}
