/** Frames of subscriptions, written into the stores. */
import { contractAt, contractIndex, quoteAt, quoteId } from '@/stream/binary-rows';
import { CHAIN_BYTES, QUOTE_BYTES } from '@/stream/binary';
import { chainKey, chains, contracts, quotes } from '@/stream/live';
import { mergeListing, strikeSpan, type StrikeSpan } from '@/stream/listing';
import type { ContractInfo, Header, Row, Rows } from '@/stream/protocol';
import {
  QUOTE_COLUMNS,
  readColumns,
  readContract,
  readContracts,
  readIds,
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

function putTextQuotes(columns: Columns, rows: readonly Row[], arrived: number): void {
  for (const row of rows) {
    const tick = readQuote(columns, row, arrived);
    if (tick !== null) quotes.put(tick.symbol, tick);
  }
}

function putQuotes(rows: Rows, columns: Columns, symbols: ReadonlyMap<number, string>): void {
  const arrived = Date.now();
  if (rows.layout === 'json') return putTextQuotes(columns, rows.rows, arrived);
  if (rows.layout !== 'quotes') return;
  const { view, words } = rows;
  for (let row = 0, at = rows.at; row < rows.count; row += 1, at += QUOTE_BYTES) {
    const symbol = symbols.get(quoteId(view, at));
    const tick = symbol === undefined ? null : quoteAt(view, at, words, symbol, arrived);
    if (tick !== null) quotes.put(tick.symbol, tick);
  }
}

export function quotesTarget(onMissing: (missing: Missing[]) => void): Target {
  let columns: Columns = QUOTE_COLUMNS;
  const symbols = new Map<number, string>();
  const name = (header: Header) => {
    for (const [id, symbol] of readIds(header)) symbols.set(id, symbol);
  };
  return {
    snapshot: (header, rows) => {
      columns = readColumns(header) ?? QUOTE_COLUMNS;
      symbols.clear();
      name(header);
      putQuotes(rows, columns, symbols);
      onMissing(missingOf(header));
    },
    changes: (rows, header) => {
      if (header !== null) name(header);
      putQuotes(rows, columns, symbols);
      if (header !== null && 'missing' in header) onMissing(missingOf(header));
    },
    resumed: (header) => onMissing(missingOf(header)),
    failed: () => undefined,
  };
}

type Infos = ReadonlyMap<number, ContractInfo>;

function putContracts(rows: Rows, columns: Columns | null, infos: Infos): void {
  const arrived = Date.now();
  if (rows.layout === 'chain') {
    const { view, words } = rows;
    for (let row = 0, at = rows.at; row < rows.count; row += 1, at += CHAIN_BYTES) {
      const info = infos.get(contractIndex(view, at));
      const tick = info === undefined ? null : contractAt(view, at, words, arrived);
      if (info !== undefined && tick !== null) contracts.put(info.key, tick);
    }
  } else if (rows.layout === 'json' && columns !== null) {
    for (const row of rows.rows) {
      const read = readContract(columns, row, arrived);
      const info = read === null ? undefined : infos.get(read.index);
      if (read !== null && info !== undefined) contracts.put(info.key, read.tick);
    }
  }
}

export interface ChainHeard {
  /** The strikes that are kept up to date, as soon as that is known. */
  covered: (span: StrikeSpan | null) => void;
  failed: (detail: string) => void;
}

export function chainTarget(
  chain: { underlying: string; expiration: string },
  whole: boolean,
  heard: ChainHeard,
): Target {
  const key = chainKey(chain.underlying, chain.expiration);
  let columns: Columns | null = null;
  let infos: Infos = new Map();
  const putHeader = (header: Header, listing: readonly ContractInfo[]) => {
    const roots = readRoots(header) ?? chains.newest(key)?.roots ?? [];
    chains.put(key, { roots, contracts: listing });
    if (Array.isArray(header.spot)) putTextQuotes(QUOTE_COLUMNS, [header.spot], Date.now());
  };
  return {
    snapshot: (header, rows) => {
      columns = readColumns(header);
      infos = readContracts(header) ?? new Map();
      const fresh = [...infos.values()];
      const known = chains.newest(key)?.contracts ?? [];
      putHeader(header, whole ? fresh : mergeListing(known, fresh));
      putContracts(rows, columns, infos);
      heard.covered(strikeSpan(fresh));
    },
    changes: (rows, header) => {
      if (header !== null) putHeader(header, chains.newest(key)?.contracts ?? []);
      putContracts(rows, columns, infos);
    },
    resumed: () => undefined,
    failed: (error) => heard.failed(error.detail),
  };
}
