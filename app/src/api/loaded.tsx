/** What stands on a page while its question is open, or after it failed; else the page itself. */
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { asFailure } from '@/api/failure';
import { Box } from '@/design/box';
import { Card } from '@/design/card';
import { FailureCard } from '@/design/failure-card';
import { Skeleton } from '@/design/skeleton';

export interface LoadedProps<T> {
  query: UseQueryResult<T>;
  /** How many rows the loaded page usually has. */
  rows?: number;
  children: (data: T) => ReactNode;
}

export function Loaded<T>({ query, rows = 3, children }: LoadedProps<T>) {
  if (query.data !== undefined) return children(query.data);
  if (query.error !== null) {
    return <FailureCard failure={asFailure(query.error)} onRetry={() => void query.refetch()} />;
  }
  return (
    <Card>
      {Array.from({ length: rows }, (_, index) => (
        <Box key={index} pad="s4" gap="s2" rule={index < rows - 1 ? 'bottom' : undefined}>
          <Skeleton width="52%" height={16} />
          <Skeleton width="76%" height={12} />
        </Box>
      ))}
    </Card>
  );
}
