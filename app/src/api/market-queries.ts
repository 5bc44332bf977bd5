/** Market data asked once: key factories, named stale times, typed answers. Live values are in `stream`. */
import { queryOptions } from '@tanstack/react-query';

import { api, unwrap } from '@/api/client';
import type { BarInterval } from '@/api/types';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export const STALE = {
  /** The socket carries every change, so a repeated question only bridges its absence. */
  streamed: 15 * SECOND,
  expirations: MINUTE,
  intraday: MINUTE,
  daily: 10 * MINUTE,
  search: 5 * MINUTE,
  config: 5 * MINUTE,
} as const;

export const marketKeys = {
  config: ['config'] as const,
  status: ['market', 'status'] as const,
  quotes: (symbols: readonly string[]) => ['quotes', [...symbols].sort().join(',')] as const,
  expirations: (symbol: string) => ['expirations', symbol] as const,
  chain: (symbol: string, expiration: string) => ['chain', symbol, expiration] as const,
  history: (symbol: string, interval: BarInterval, start: string, end: string) =>
    ['history', symbol, interval, start, end] as const,
  search: (text: string) => ['search', text] as const,
};

export const configQuery = queryOptions({
  queryKey: marketKeys.config,
  staleTime: STALE.config,
  queryFn: () => unwrap(api.GET('/api/v1/app/config')),
});

export const statusQuery = queryOptions({
  queryKey: marketKeys.status,
  staleTime: STALE.streamed,
  refetchInterval: MINUTE,
  queryFn: () => unwrap(api.GET('/api/v1/market/status')),
});

export function quotesQuery(symbols: readonly string[]) {
  return queryOptions({
    queryKey: marketKeys.quotes(symbols),
    staleTime: STALE.streamed,
    enabled: symbols.length > 0,
    queryFn: () =>
      unwrap(api.GET('/api/v1/quotes', { params: { query: { symbols: symbols.join(',') } } })),
  });
}

export function expirationsQuery(symbol: string) {
  return queryOptions({
    queryKey: marketKeys.expirations(symbol),
    staleTime: STALE.expirations,
    queryFn: () =>
      unwrap(api.GET('/api/v1/options/expirations/{symbol}', { params: { path: { symbol } } })),
  });
}

export function chainQuery(symbol: string, expiration: string) {
  return queryOptions({
    queryKey: marketKeys.chain(symbol, expiration),
    staleTime: STALE.streamed,
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/options/chain/{symbol}', {
          params: { path: { symbol }, query: { expiration } },
        }),
      ),
  });
}

export function historyQuery(symbol: string, interval: BarInterval, start: string, end: string) {
  return queryOptions({
    queryKey: marketKeys.history(symbol, interval, start, end),
    staleTime: interval === '1d' || interval === '1w' ? STALE.daily : STALE.intraday,
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/historical/{symbol}', {
          params: { path: { symbol }, query: { interval, start, end } },
        }),
      ),
  });
}

export function searchQuery(text: string) {
  return queryOptions({
    queryKey: marketKeys.search(text),
    staleTime: STALE.search,
    enabled: text.length > 0,
    queryFn: () =>
      unwrap(api.GET('/api/v1/symbols/search', { params: { query: { q: text, limit: 20 } } })),
  });
}
