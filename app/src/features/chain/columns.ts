/** The column sets of the chain: what each cell prints and in which words. Pure. */
import type { WordKey } from '@/i18n/t';
import { compact, fixed, percent, premium, type Maybe } from '@/lib/format';
import { middle } from '@/lib/market-math';
import type { ContractInfo, ContractTick } from '@/stream/protocol';

export type ColumnSet = 'price' | 'greeks' | 'volume' | 'iv' | 'all';
export type ColumnName =
  'bid' | 'ask' | 'mid' | 'last' | 'delta' | 'gamma' | 'theta' | 'vega' | 'iv' | 'oi' | 'volume';

/** From the outside in for calls; puts are mirrored. */
const SETS: Readonly<Record<ColumnSet, readonly ColumnName[]>> = {
  price: ['last', 'mid', 'bid', 'ask'],
  greeks: ['theta', 'delta', 'bid', 'ask'],
  volume: ['oi', 'volume', 'bid', 'ask'],
  iv: ['vega', 'iv', 'bid', 'ask'],
  all: ['oi', 'vega', 'gamma', 'theta', 'delta', 'bid', 'ask'],
};

const WIDE_FROM = 2_000;
const NARROW_BELOW = 372;
export const ALL_COLUMNS_FROM = 620;

/** Whether a column must go: premiums can have four digits, or the window is very narrow. */
export function dropsColumn(spot: number | null, width: number): boolean {
  return width < NARROW_BELOW || (spot !== null && spot >= WIDE_FROM);
}

export const CHOICES = ['price', 'greeks', 'volume', 'iv'] as const;

/** Bid before ask on both sides; all else mirrored, so that the strike stays in the middle. */
export function columnsOf(set: ColumnSet, side: 'call' | 'put', wide = false): ColumnName[] {
  // Where room is short the outermost column goes: text never shrinks.
  const names = wide && set !== 'all' ? SETS[set].slice(1) : [...SETS[set]];
  if (side === 'call') return names;
  const outer = names.filter((name) => name !== 'bid' && name !== 'ask');
  return ['bid', 'ask', ...outer.reverse()];
}

export function columnWord(name: ColumnName): WordKey {
  return `chain.column.${name}`;
}

export function isPrice(name: ColumnName): boolean {
  return name === 'bid' || name === 'ask' || name === 'mid' || name === 'last';
}

export function cellValue(
  name: ColumnName,
  tick: ContractTick | undefined,
  info: ContractInfo,
): Maybe {
  switch (name) {
    case 'mid':
      return middle(tick?.bid, tick?.ask);
    case 'oi':
      return info.openInterest;
    default:
      return tick?.[name];
  }
}

/** Printed without a percent sign where the head of the column carries it. */
export function cellText(name: ColumnName, value: Maybe): string {
  switch (name) {
    case 'bid':
    case 'ask':
    case 'mid':
    case 'last':
      return premium(value);
    case 'gamma':
      return fixed(value, 3);
    case 'iv':
      return percent(value).replace('%', '');
    case 'oi':
    case 'volume':
      return compact(value);
    default:
      return fixed(value, 2);
  }
}
