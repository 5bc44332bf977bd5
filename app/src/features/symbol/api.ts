/** The questions of the symbol screen. */
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';

import { chainQuery, expirationsQuery, historyQuery } from '@/api/market-queries';
import { RANGES, rangeStart, type RangeName } from '@/features/symbol/model';
import { addDays } from '@/lib/dates';
import { useChainStream } from '@/stream/hooks';
import { seedChain } from '@/stream/seed';
import { useQuotes } from '@/stream/use-quotes';

export function useSymbolQuote(symbol: string) {
  const { query, reasons } = useQuotes([symbol]);
  const quote = query.data?.quotes.find((each) => each.symbol === symbol);
  return { query, quote, reason: reasons.get(symbol) ?? null };
}

export function useBars(symbol: string, range: RangeName, today: string) {
  return useQuery(historyQuery(symbol, RANGES[range].interval, rangeStart(range, today), today));
}

export function useYear(symbol: string, today: string) {
  return useQuery(historyQuery(symbol, '1d', addDays(today, -365), today));
}

export function useExpirations(symbol: string) {
  return useQuery(expirationsQuery(symbol));
}

/** The chain of one expiration: asked once, then live `around` the money in the contract store. */
export function useTeaserChain(symbol: string, expiration: string | null, around: number | null) {
  const query = useQuery({ ...chainQuery(symbol, expiration ?? ''), enabled: expiration !== null });
  const { data } = query;
  useEffect(() => {
    if (data !== undefined) seedChain(data);
  }, [data]);
  useChainStream(symbol, expiration, around);
  return query;
}
