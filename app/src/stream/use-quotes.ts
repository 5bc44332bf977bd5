/** Quotes of a list: asked once, then live. Values are read per symbol with `useQuoteTick`. */
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';

import { quotesQuery } from '@/api/market-queries';
import { useQuoteStream } from '@/stream/hooks';
import { seedQuotes } from '@/stream/seed';

export function useQuotes(symbols: readonly string[]) {
  const query = useQuery(quotesQuery(symbols));
  const missing = useQuoteStream(symbols);
  const { data } = query;
  useEffect(() => {
    if (data !== undefined) seedQuotes(data.quotes);
  }, [data]);
  const reasons = new Map<string, string>();
  for (const failure of data?.failures ?? []) reasons.set(failure.symbol, failure.detail);
  for (const each of missing) reasons.set(each.symbol, each.detail);
  return { query, reasons };
}
