/** Statements from files: previewed, confirmed, undone. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';

import { api, done, unwrap } from '@/api/client';
import { queryClient } from '@/api/query-client';
import type { FileImport } from '@/api/types';
import { connectionsChanged } from '@/features/brokerage/api';
import type { ChosenFile } from '@/lib/choose-file';

const STALE_MS = 15_000;

export const importKeys = {
  list: ['imports', 'list'] as const,
  one: (id: string) => ['imports', 'one', id] as const,
};

export const importsQuery = queryOptions({
  queryKey: importKeys.list,
  staleTime: STALE_MS,
  queryFn: () => unwrap(api.GET('/api/v1/brokerages/imports')),
});

export function importQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: importKeys.one(id),
    staleTime: STALE_MS,
    initialPageParam: null as number | null,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET('/api/v1/brokerages/imports/{import_id}', {
          params: { path: { import_id: id }, query: { cursor: pageParam ?? undefined } },
        }),
      ),
    getNextPageParam: ({ next }) => (next === null ? null : Number(next)),
  });
}

/** A header carries no more than Latin letters: the name travels encoded. */
function headerName(name: string): string {
  return encodeURIComponent(name);
}

/** Nothing is written but the preview. */
export async function uploadImport(file: ChosenFile, format: string): Promise<FileImport> {
  const bytes = await file.bytes();
  const preview = await unwrap(
    api.POST('/api/v1/brokerages/imports', {
      params: { query: { format }, header: { 'x-file-name': headerName(file.name) } },
      headers: { 'content-type': 'application/octet-stream' },
      // The schema knows bytes as text; what travels is the file as it is.
      body: '',
      bodySerializer: () => bytes,
    }),
  );
  await queryClient.invalidateQueries({ queryKey: importKeys.list });
  return preview;
}

async function changed(id: string): Promise<void> {
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: importKeys.list }),
    queryClient.invalidateQueries({ queryKey: importKeys.one(id) }),
    connectionsChanged(),
  ]);
}

export async function confirmImport(id: string): Promise<void> {
  await unwrap(
    api.POST('/api/v1/brokerages/imports/{import_id}/confirm', {
      params: { path: { import_id: id } },
    }),
  );
  await changed(id);
}

/** Discards a preview, or takes back everything that a confirmed import wrote. */
export async function removeImport(id: string): Promise<void> {
  await done(
    api.DELETE('/api/v1/brokerages/imports/{import_id}', { params: { path: { import_id: id } } }),
  );
  // It is gone on the server: nobody is to ask for it again.
  queryClient.removeQueries({ queryKey: importKeys.one(id) });
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: importKeys.list }),
    connectionsChanged(),
  ]);
}
