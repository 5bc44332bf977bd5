/** Frames of subscriptions, written into the stores. */
import { chainKey, chains, contracts, quotes, type ChainState } from '@/stream/live';
import type { ContractInfo, Header, Row } from '@/stream/protocol';
import {
  QUOTE_COLUMNS,
  readColumns,
  readContract,
  readContracts,
  readQuote,
  readRoots,
  type Columns,
} from '@/stream/rows';
import type { Target } from '@/stream/subscription';

export interface Missing {
  symbol: string;
  detail: string;
}

function missingOf(header: Header): Missing[] {
  if (!Array.isArray(header.missing)) return [];
  return header.missing.flatMap((each: unknown) => {
    if (typeof each !== 'object' || each === null || !('symbol' in each)) return [];
    const detail = 'detail' in each && typeof each.detail === 'string' ? each.detail : '';
    return typeof each.symbol === 'string' ? [{ symbol: each.symbol, detail }] : [];
  });
}

function putQuotes(columns: Columns, rows: readonly Row[]): void {
  for (const row of rows) {
    const tick = readQuote(columns, row, Date.now());
    if (tick !== null) quotes.put(tick.symbol, tick);
  }
}

export function quotesTarget(onMissing: (missing: Missing[]) => void): Target {
  let columns: Columns = QUOTE_COLUMNS;
  return {
    snapshot: (header, rows) => {
      columns = readColumns(header) ?? QUOTE_COLUMNS;
      putQuotes(columns, rows);
      onMissing(missingOf(header));
    },
    changes: (rows, header) => {
      putQuotes(columns, rows);
      if (header !== null && 'missing' in header) onMissing(missingOf(header));
    },
    failed: () => undefined,
  };
}

export function chainTarget(
  underlying: string,
  expiration: string,
  onFailed: (detail: string) => void,
): Target {
  const key = chainKey(underlying, expiration);
  let columns: Columns | null = null;
  let infos: readonly ContractInfo[] = [];
  const putHeader = (header: Header, fallback: ChainState | undefined) => {
    const roots = readRoots(header) ?? fallback?.roots ?? [];
    chains.put(key, { roots, contracts: infos });
    if (Array.isArray(header.spot)) putQuotes(QUOTE_COLUMNS, [header.spot]);
  };
  const putRows = (rows: readonly Row[]) => {
    if (columns === null) return;
    for (const row of rows) {
      const read = readContract(columns, row, Date.now());
      const info = read === null ? undefined : infos[read.index];
      if (read !== null && info !== undefined) contracts.put(info.key, read.tick);
    }
  };
  return {
    snapshot: (header, rows) => {
      columns = readColumns(header);
      infos = readContracts(header) ?? [];
      putHeader(header, undefined);
      putRows(rows);
    },
    changes: (rows, header) => {
      if (header !== null) putHeader(header, chains.newest(key));
      putRows(rows);
    },
    failed: (error) => onFailed(error.detail),
  };
}
