/** Brokerages, connections and their log: questions and actions. */
import { infiniteQueryOptions, queryOptions, useQuery } from '@tanstack/react-query';

import { api, done, unwrap } from '@/api/client';
import { queryClient } from '@/api/query-client';
import { sessionStore } from '@/api/session-store';
import { withStepUp } from '@/api/step-up';
import type { ConnectAsked, ConnectBegun, Connection } from '@/api/types';
import { isReading } from '@/features/brokerage/model';
import { useStore } from '@/lib/external-store';
import { clientKind } from '@/lib/platform';

const STALE_MS = 15_000;
const READING_POLL_MS = 3_000;

export const brokerageKeys = {
  offered: ['brokerages'] as const,
  reached: (provider: string) => ['brokerages', provider, 'reached'] as const,
  connections: ['connections'] as const,
  /** Kept on the device, so it names its owner: another user of the device never sees it. */
  own: (userId: string) => ['connections', userId] as const,
  log: (id: string) => ['connection-log', id] as const,
};

export const offeredQuery = queryOptions({
  queryKey: brokerageKeys.offered,
  staleTime: STALE_MS,
  queryFn: () => unwrap(api.GET('/api/v1/brokerages')),
});

export function reachedQuery(provider: string) {
  return queryOptions({
    queryKey: brokerageKeys.reached(provider),
    staleTime: 5 * 60_000,
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/brokerages/{provider}/reached', {
          params: { path: { provider } },
        }),
      ),
  });
}

export function connectionsQuery(userId: string) {
  return queryOptions({
    queryKey: brokerageKeys.own(userId),
    staleTime: STALE_MS,
    queryFn: () => unwrap(api.GET('/api/v1/brokerages/connections')),
    // The stream says when a reading ends; this is for a line that is down meanwhile.
    refetchInterval: ({ state }) =>
      state.data?.connections.some(isReading) ? READING_POLL_MS : false,
  });
}

export function useConnections() {
  const session = useStore(sessionStore);
  const userId = session.phase === 'signed-in' ? session.user.id : '';
  return useQuery({ ...connectionsQuery(userId), enabled: userId !== '' });
}

export function logQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: brokerageKeys.log(id),
    staleTime: STALE_MS,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET('/api/v1/brokerages/connections/{connection_id}/log', {
          params: { path: { connection_id: id }, query: { cursor: pageParam ?? undefined } },
        }),
      ),
    getNextPageParam: (last) => last.next,
  });
}

/** Everything that a change of a connection makes old. */
export async function connectionsChanged(): Promise<void> {
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: brokerageKeys.connections }),
    queryClient.invalidateQueries({ queryKey: brokerageKeys.offered }),
    queryClient.invalidateQueries({ queryKey: ['portfolio'] }),
  ]);
}

// --- connecting ----------------------------------------------------------------------------------

export function beginConnect(
  provider: string,
  question: Partial<Omit<ConnectAsked, 'client'>>,
): Promise<ConnectBegun> {
  return withStepUp(() =>
    unwrap(
      api.POST('/api/v1/brokerages/{provider}/connect', {
        params: { path: { provider } },
        body: { brokerage: '', ...question, client: clientKind },
      }),
    ),
  );
}

/** What was just made is in the list at once, whenever the list itself is loaded next. */
function keep(made: Connection): void {
  const session = sessionStore.get();
  if (session.phase !== 'signed-in') return;
  queryClient.setQueryData(connectionsQuery(session.user.id).queryKey, (list) => ({
    connections: [...(list?.connections ?? []).filter(({ id }) => id !== made.id), made],
  }));
}

export interface Finish {
  provider: string;
  handle: string;
  code: string;
  values: Record<string, string>;
}

export async function finishConnect({ provider, ...body }: Finish): Promise<Connection> {
  const connection = await unwrap(
    api.POST('/api/v1/brokerages/{provider}/finish', {
      params: { path: { provider } },
      body,
    }),
  );
  keep(connection);
  void connectionsChanged();
  return connection;
}

// --- a connection --------------------------------------------------------------------------------

export async function syncConnection(id: string): Promise<void> {
  await unwrap(
    api.POST('/api/v1/brokerages/connections/{connection_id}/sync', {
      params: { path: { connection_id: id } },
    }),
  );
  await connectionsChanged();
}

export async function syncAll(): Promise<void> {
  await unwrap(api.POST('/api/v1/portfolio/sync'));
  await connectionsChanged();
}

export async function renameConnection(id: string, label: string): Promise<void> {
  const params = { path: { connection_id: id } };
  const body = { label: label.trim() };
  await unwrap(api.PATCH('/api/v1/brokerages/connections/{connection_id}', { params, body }));
  await connectionsChanged();
}

export type HistoryChoice = 'keep' | 'delete';

export async function disconnect(id: string, history: HistoryChoice): Promise<void> {
  const params = { path: { connection_id: id }, query: { history } };
  await withStepUp(() =>
    done(api.DELETE('/api/v1/brokerages/{connection_id}/disconnect', { params })),
  );
  await connectionsChanged();
}

/** The log as text for support: what the server wrote is what is handed over. */
export async function exportLog(id: string): Promise<string> {
  return unwrap(
    api.GET('/api/v1/brokerages/connections/{connection_id}/log/export', {
      params: { path: { connection_id: id } },
      parseAs: 'text',
    }),
  );
}
