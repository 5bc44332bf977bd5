/** The query cache, kept on the device so that everything last seen opens without a network. */
import AsyncStorage from '@react-native-async-storage/async-storage';
import { createAsyncStoragePersister } from '@tanstack/query-async-storage-persister';
import { QueryClient, type Query } from '@tanstack/react-query';
import {
  removeOldestQuery,
  type PersistQueryClientOptions,
} from '@tanstack/react-query-persist-client';

import { asFailure } from '@/api/failure';

const DAY_MS = 86_400_000;
const RETRIES = 2;
const CHAIN_CONTRACTS_KEPT_MAX = 800;
const KEPT: ReadonlySet<unknown> = new Set([
  'quotes',
  'expirations',
  'chain',
  'history',
  'market',
  'connections',
]);

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      gcTime: DAY_MS,
      retry: (count, error) => count < RETRIES && asFailure(error).temporary,
      retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 5_000),
      networkMode: 'always',
    },
  },
});

/** Browser storage is small: the largest chains are asked for again instead of kept. */
function isKept(query: Query): boolean {
  if (query.state.status !== 'success' || !KEPT.has(query.queryKey[0])) return false;
  const data: unknown = query.state.data;
  if (query.queryKey[0] !== 'chain') return true;
  const contracts =
    typeof data === 'object' && data !== null && 'contracts' in data ? data.contracts : [];
  return Array.isArray(contracts) && contracts.length <= CHAIN_CONTRACTS_KEPT_MAX;
}

export const persistOptions: Omit<PersistQueryClientOptions, 'queryClient'> = {
  persister: createAsyncStoragePersister({
    storage: AsyncStorage,
    key: 'optix.queries',
    throttleTime: 2_000,
    retry: removeOldestQuery,
  }),
  maxAge: DAY_MS,
  buster: '1',
  dehydrateOptions: { shouldDehydrateQuery: isKept },
};
