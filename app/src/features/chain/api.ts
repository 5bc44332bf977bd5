/** The questions of the chain screen: dates, then one date's contracts, then changes by the socket. */
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';

import { chainQuery, expirationsQuery } from '@/api/market-queries';
import { useChainState, useChainStream } from '@/stream/hooks';
import { seedChain } from '@/stream/seed';
import { useQuotes } from '@/stream/use-quotes';

export function useExpirations(symbol: string) {
  return useQuery(expirationsQuery(symbol));
}

export function useUnderlying(symbol: string) {
  return useQuotes([symbol]);
}

export function useChain(symbol: string, expiration: string | null, around: number | null) {
  const query = useQuery({ ...chainQuery(symbol, expiration ?? ''), enabled: expiration !== null });
  const { data } = query;
  useEffect(() => {
    if (data !== undefined) seedChain(data);
  }, [data]);
  const { failed, covered } = useChainStream(symbol, expiration, around);
  const state = useChainState(symbol, expiration ?? '');
  return { query, failed, covered, state };
}
