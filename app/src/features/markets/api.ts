/** The questions of the Markets screen. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';

import { deviceList, dropUnknown } from '@/api/device-list';
import { historyQuery, quotesQuery, searchQuery, statusQuery } from '@/api/market-queries';
import { LINE_DAYS, TAPE_CANDIDATES, tapeOf } from '@/features/markets/model';
import { addDays } from '@/lib/dates';
import { useStore } from '@/lib/external-store';
import { seedQuotes } from '@/stream/seed';
import { useQuoteStream } from '@/stream/hooks';
import { useQuotes } from '@/stream/use-quotes';

export function useListQuotes() {
  const list = useStore(deviceList);
  const answer = useQuotes(list.symbols);
  const { data } = answer.query;
  useEffect(() => {
    if (data !== undefined) dropUnknown(data.failures.map((failure) => failure.symbol));
  }, [data]);
  const names = useMemo(
    () => new Map(data?.quotes.map((quote) => [quote.symbol, quote.name ?? ''])),
    [data],
  );
  return { ...answer, symbols: list.symbols, names };
}

export function useTape(): string[] {
  const { data } = useQuery(quotesQuery(TAPE_CANDIDATES));
  const tape = useMemo(() => (data === undefined ? [] : tapeOf(data.quotes)), [data]);
  useEffect(() => {
    if (data !== undefined) seedQuotes(data.quotes);
  }, [data]);
  useQuoteStream(tape);
  return tape;
}

export function useMonth(symbol: string, today: string) {
  return useQuery(historyQuery(symbol, '1d', addDays(today, -LINE_DAYS), today));
}

export function useSymbolSearch(text: string) {
  return useQuery(searchQuery(text));
}

export function useMarketSession() {
  return useQuery(statusQuery).data?.market;
}
