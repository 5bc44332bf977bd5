/** The portfolio: questions. Every key begins with `portfolio`, which a reading makes old. */
import {
  infiniteQueryOptions,
  queryOptions,
  useInfiniteQuery,
  useQuery,
} from '@tanstack/react-query';

import { api, unwrap } from '@/api/client';
import type { components } from '@/api/generated';
import { sessionStore } from '@/api/session-store';
import { useStore } from '@/lib/external-store';

export type Portfolio = components['schemas']['Portfolio'];
export type Position = components['schemas']['Position'];
export type PortfolioAccount = components['schemas']['PortfolioAccount'];
export type TotalGreeks = components['schemas']['TotalGreeks'];
export type Transaction = components['schemas']['Transaction'];

const STALE_MS = 4_000;
const POLL_MS = 5_000;

/** They are kept on the device, so they name their owner. */
function useOwner(): string {
  const session = useStore(sessionStore);
  return session.phase === 'signed-in' ? session.user.id : '';
}

export function portfolioQuery(owner: string) {
  return queryOptions({
    queryKey: ['portfolio', owner],
    staleTime: STALE_MS,
    refetchInterval: POLL_MS,
    queryFn: () => unwrap(api.GET('/api/v1/portfolio')),
  });
}

export function positionsQuery(owner: string) {
  return queryOptions({
    queryKey: ['portfolio', owner, 'positions'],
    staleTime: STALE_MS,
    refetchInterval: POLL_MS,
    queryFn: () => unwrap(api.GET('/api/v1/portfolio/positions')),
  });
}

export function transactionsQuery(owner: string, symbol: string) {
  return infiniteQueryOptions({
    queryKey: ['portfolio', owner, 'transactions', symbol],
    staleTime: STALE_MS,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET('/api/v1/transactions', {
          params: { query: { symbol, cursor: pageParam ?? undefined } },
        }),
      ),
    getNextPageParam: (last) => last.next,
  });
}

export function usePortfolio() {
  const owner = useOwner();
  return useQuery({ ...portfolioQuery(owner), enabled: owner !== '' });
}

export function usePositions() {
  const owner = useOwner();
  return useQuery({ ...positionsQuery(owner), enabled: owner !== '' });
}

export function useTransactions(symbol: string) {
  const owner = useOwner();
  return useInfiniteQuery({ ...transactionsQuery(owner, symbol), enabled: owner !== '' });
}
