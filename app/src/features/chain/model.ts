/** The chain as rows: strikes with both contracts, the money line, the edges of the expected move. Pure. */
import type { ChainRoot, Expiration } from '@/api/types';
import { isNumber, type Maybe } from '@/lib/format';
import { nearestMonthly } from '@/lib/market-math';
import type { ContractInfo, ContractTick } from '@/stream/protocol';

export interface StrikeRow {
  strike: number;
  call: ContractInfo | null;
  put: ContractInfo | null;
}

/** Contracts of one root as rows, ascending by strike. */
export function strikeRows(contracts: readonly ContractInfo[], root: string | null): StrikeRow[] {
  const rows = new Map<number, StrikeRow>();
  for (const contract of contracts) {
    if (root !== null && contract.root !== root) continue;
    const row = rows.get(contract.strike) ?? { strike: contract.strike, call: null, put: null };
    rows.set(
      contract.strike,
      contract.right === 'C' ? { ...row, call: contract } : { ...row, put: contract },
    );
  }
  return [...rows.values()].sort((a, b) => a.strike - b.strike);
}

export type Item =
  | {
      kind: 'strike';
      key: string;
      height: number;
      row: StrikeRow;
      callItm: boolean;
      putItm: boolean;
      inBand: boolean;
    }
  | { kind: 'money'; key: string; height: number }
  | { kind: 'edge'; key: string; height: number; side: 'up' | 'down'; value: number };

export const HEIGHTS = { strike: 44, money: 28, edge: 22 } as const;

/** A line between rows: drawn before the first strike above its value. */
interface Mark {
  value: number;
  item: Item;
}

function marksOf(spot: number | null, move: number | null): Mark[] {
  if (spot === null) return [];
  const marks: Mark[] = [
    { value: spot, item: { kind: 'money', key: 'money', height: HEIGHTS.money } },
  ];
  if (move === null || move <= 0) return marks;
  const edge = (side: 'up' | 'down', value: number): Mark => ({
    value,
    item: { kind: 'edge', key: `edge-${side}`, height: HEIGHTS.edge, side, value },
  });
  return [edge('down', spot - move), ...marks, edge('up', spot + move)];
}

/** Rows in drawing order, with the money line and the edges between the strikes they fall between. */
export function itemsOf(
  rows: readonly StrikeRow[],
  spot: number | null,
  move: number | null,
): Item[] {
  const marks = rows.length === 0 ? [] : marksOf(spot, move);
  const items: Item[] = [];
  for (const row of rows) {
    while (marks[0] !== undefined && marks[0].value < row.strike) {
      const mark = marks.shift();
      if (mark !== undefined) items.push(mark.item);
    }
    items.push({
      kind: 'strike',
      key: String(row.strike),
      height: HEIGHTS.strike,
      row,
      callItm: spot !== null && row.strike < spot,
      putItm: spot !== null && row.strike > spot,
      inBand: spot !== null && move !== null && Math.abs(row.strike - spot) <= move,
    });
  }
  // An edge beyond the last strike has no rows to stand between; the money line is always shown.
  for (const mark of marks) if (mark.item.kind === 'money') items.push(mark.item);
  return items;
}

export function moneyIndex(items: readonly Item[]): number {
  const index = items.findIndex((item) => item.kind === 'money');
  return index >= 0 ? index : Math.floor(items.length / 2);
}

/** The strikes between which the price stands: the rows change only when this does. */
export function moneySlot(rows: readonly StrikeRow[], spot: number | null): number {
  return spot === null ? -1 : rows.filter((row) => row.strike <= spot).length;
}

/** The root a chain opens with: the one with most contracts. */
export function defaultRoot(
  roots: readonly ChainRoot[],
  contracts: readonly ContractInfo[],
): string | null {
  let best: { root: string; count: number } | null = null;
  for (const { root } of roots) {
    const count = contracts.filter((contract) => contract.root === root).length;
    if (best === null || count > best.count) best = { root, count };
  }
  return best?.root ?? null;
}

export function pickExpiration(
  list: readonly Expiration[],
  wanted: string | null,
): Expiration | null {
  return list.find((each) => each.date === wanted) ?? nearestMonthly(list);
}

export function maxOpenInterest(rows: readonly StrikeRow[]): number {
  let most = 0;
  for (const { call, put } of rows) {
    most = Math.max(most, call?.openInterest ?? 0, put?.openInterest ?? 0);
  }
  return most;
}

/** IV printed with the strike: that of the side out of the money, else the other. */
export function strikeIv(
  call: Pick<ContractTick, 'iv'> | undefined,
  put: Pick<ContractTick, 'iv'> | undefined,
  callItm: boolean,
): number | null {
  const [first, second] = callItm ? [put, call] : [call, put];
  return first?.iv ?? second?.iv ?? null;
}

export function breakEven(right: 'C' | 'P', strike: number, premium: Maybe): number | null {
  if (!isNumber(premium)) return null;
  return right === 'C' ? strike + premium : strike - premium;
}

const FLAG_NAMES = [
  'crossed',
  'locked',
  'no_bid',
  'no_ask',
  'wide',
  'no_quote',
  'outlier',
  'indicative',
] as const;
export type FlagName = (typeof FLAG_NAMES)[number];

export function flagNames(bits: number): FlagName[] {
  return FLAG_NAMES.filter((_, index) => (bits & (1 << index)) !== 0);
}
