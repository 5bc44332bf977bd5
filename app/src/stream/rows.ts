/** Rows of text frames by the column names of their header, and the parts of headers. */
import type { ChainRoot } from '@/api/types';
import {
  isCount,
  isQuality,
  isRecord,
  isStatus,
  type ContractInfo,
  type ContractTick,
  type Header,
  type QuoteTick,
  type Row,
} from '@/stream/protocol';

export type Columns = ReadonlyMap<string, number>;

/** Order of the quote columns in docs/streaming.md, for a chain's `spot` row. */
export const QUOTE_COLUMNS: Columns = new Map(
  [
    'symbol',
    'bid',
    'ask',
    'bid_size',
    'ask_size',
    'last',
    'open',
    'high',
    'low',
    'previous_close',
    'volume',
    'as_of',
    'quality',
    'flags',
    'trading',
  ].map((name, index) => [name, index]),
);

export function readColumns(header: Header): Columns | null {
  const names = header.columns;
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) return null;
  return new Map(names.map((name: string, index) => [name, index]));
}

function reader(columns: Columns, row: Row) {
  return (name: string): unknown => {
    const index = columns.get(name);
    return index === undefined ? null : row[index];
  };
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

export function readQuote(columns: Columns, row: Row, arrived: number): QuoteTick | null {
  const at = reader(columns, row);
  const symbol = at('symbol');
  const quality = at('quality');
  if (typeof symbol !== 'string' || !isQuality(quality)) return null;
  return {
    symbol,
    bid: numberOf(at('bid')),
    ask: numberOf(at('ask')),
    bidSize: numberOf(at('bid_size')),
    askSize: numberOf(at('ask_size')),
    last: numberOf(at('last')),
    open: numberOf(at('open')),
    high: numberOf(at('high')),
    low: numberOf(at('low')),
    previousClose: numberOf(at('previous_close')),
    volume: numberOf(at('volume')),
    asOf: numberOf(at('as_of')),
    quality,
    flags: numberOf(at('flags')) ?? 0,
    at: arrived,
  };
}

/** A contract row and the index it names in the header's contract list. */
export function readContract(
  columns: Columns,
  row: Row,
  arrived: number,
): { index: number; tick: ContractTick } | null {
  const at = reader(columns, row);
  const index = at('i');
  const status = at('status');
  if (!isCount(index) || !isStatus(status)) return null;
  return {
    index,
    tick: {
      bid: numberOf(at('bid')),
      ask: numberOf(at('ask')),
      bidSize: numberOf(at('bid_size')),
      askSize: numberOf(at('ask_size')),
      last: numberOf(at('last')),
      volume: numberOf(at('volume')),
      iv: numberOf(at('iv')),
      delta: numberOf(at('delta')),
      gamma: numberOf(at('gamma')),
      theta: numberOf(at('theta')),
      vega: numberOf(at('vega')),
      rho: numberOf(at('rho')),
      status,
      flags: numberOf(at('flags')) ?? 0,
      asOf: numberOf(at('as_of')),
      at: arrived,
    },
  };
}

function readInfo(value: unknown): { index: number; info: ContractInfo } | null {
  if (!Array.isArray(value)) return null;
  const [index, key, root, right, strike, openInterest, previousClose] = value as unknown[];
  if (!isCount(index) || typeof key !== 'string' || typeof root !== 'string') return null;
  if (typeof strike !== 'number' || (right !== 'C' && right !== 'P')) return null;
  return {
    index,
    info: {
      key,
      root,
      right,
      strike,
      openInterest: numberOf(openInterest),
      previousClose: numberOf(previousClose),
    },
  };
}

/** The contracts by the number rows name them with; null when any entry is unreadable. */
export function readContracts(header: Header): Map<number, ContractInfo> | null {
  if (!Array.isArray(header.contracts)) return null;
  const infos = new Map<number, ContractInfo>();
  for (const value of header.contracts) {
    const read = readInfo(value);
    if (read === null) return null;
    infos.set(read.index, read.info);
  }
  return infos;
}

/** The symbols by the number binary rows name them with. */
export function readIds(header: Header): [number, string][] {
  if (!isRecord(header.ids)) return [];
  return Object.entries(header.ids).flatMap<[number, string]>(([symbol, id]) =>
    isCount(id) ? [[id, symbol]] : [],
  );
}

function isRoot(value: unknown): value is ChainRoot {
  return (
    isRecord(value) &&
    typeof value.root === 'string' &&
    typeof value.settles_at === 'string' &&
    typeof value.model === 'string' &&
    typeof value.expiry_years === 'number'
  );
}

export function readRoots(header: Header): ChainRoot[] | null {
  const roots = header.roots;
  return Array.isArray(roots) && roots.every(isRoot) ? roots : null;
}
