/** Administration: users, their devices, the audit trail, health. The server checks every call. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';

import { api, done, unwrap } from '@/api/client';
import { queryClient } from '@/api/query-client';
import { withStepUp } from '@/api/step-up';
import type { AdminUserUpdate } from '@/api/types';

const STALE_MS = 10_000;

export const adminKeys = {
  users: ['admin', 'users'] as const,
  user: (id: string) => ['admin', 'user', id] as const,
  sessions: (id: string) => ['admin', 'sessions', id] as const,
  audit: ['admin', 'audit'] as const,
  health: ['admin', 'health'] as const,
  providers: ['admin', 'providers'] as const,
};

export function usersQuery(search: string) {
  return infiniteQueryOptions({
    queryKey: [...adminKeys.users, search],
    staleTime: STALE_MS,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET('/api/v1/admin/users', {
          params: { query: { q: search || undefined, cursor: pageParam ?? undefined } },
        }),
      ),
    getNextPageParam: (last) => last.next_cursor,
  });
}

export function userQuery(id: string) {
  return queryOptions({
    queryKey: adminKeys.user(id),
    staleTime: STALE_MS,
    queryFn: () =>
      unwrap(api.GET('/api/v1/admin/users/{user_id}', { params: { path: { user_id: id } } })),
  });
}

export function userSessionsQuery(id: string) {
  return queryOptions({
    queryKey: adminKeys.sessions(id),
    staleTime: STALE_MS,
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/admin/users/{user_id}/sessions', { params: { path: { user_id: id } } }),
      ),
  });
}

async function asked(id: string): Promise<void> {
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: adminKeys.users }),
    queryClient.invalidateQueries({ queryKey: adminKeys.user(id) }),
    queryClient.invalidateQueries({ queryKey: adminKeys.sessions(id) }),
  ]);
}

export async function changeUser(id: string, change: AdminUserUpdate): Promise<void> {
  const params = { path: { user_id: id } };
  await withStepUp(() =>
    unwrap(api.PATCH('/api/v1/admin/users/{user_id}', { params, body: change })),
  );
  await asked(id);
}

export async function endUserSessions(id: string): Promise<void> {
  const params = { path: { user_id: id } };
  await withStepUp(() => done(api.DELETE('/api/v1/admin/users/{user_id}/sessions', { params })));
  await asked(id);
}

export interface AuditFilter {
  kind: string;
  outcome: 'all' | 'success' | 'failure';
}

export function auditQuery({ kind, outcome }: AuditFilter) {
  return infiniteQueryOptions({
    queryKey: [...adminKeys.audit, kind, outcome],
    staleTime: STALE_MS,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET('/api/v1/admin/audit', {
          params: {
            query: {
              kind: kind || undefined,
              outcome: outcome === 'all' ? undefined : outcome,
              cursor: pageParam ?? undefined,
            },
          },
        }),
      ),
    getNextPageParam: (last) => last.next_cursor,
  });
}

export function verifyAudit() {
  return unwrap(api.POST('/api/v1/admin/audit/verify'));
}

export const healthQuery = queryOptions({
  queryKey: adminKeys.health,
  staleTime: STALE_MS,
  refetchInterval: 30_000,
  queryFn: () => unwrap(api.GET('/api/v1/admin/health')),
});

export const providersQuery = queryOptions({
  queryKey: adminKeys.providers,
  staleTime: 2_000,
  refetchInterval: 5_000,
  queryFn: () => unwrap(api.GET('/api/v1/admin/market/providers')),
});
