/** The table of the chain in every state: loading, failed, empty, and live. */
import type { Ref } from 'react';

import { asFailure } from '@/api/failure';
import { Box } from '@/design/box';
import { FailureCard } from '@/design/failure-card';
import { EmptyState } from '@/design/message';
import type { WindowListHandle } from '@/design/window-list';
import type { ColumnSet } from '@/features/chain/columns';
import { ChainSkeleton } from '@/features/chain/components/chain-skeleton';
import { ChainTable } from '@/features/chain/components/chain-table';
import type { ChainView } from '@/features/chain/use-chain-view';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import type { ContractInfo } from '@/stream/protocol';

export interface ChainBodyProps {
  symbol: string;
  view: ChainView;
  set: ColumnSet;
  selectedKey: string | null;
  handle: Ref<WindowListHandle>;
  onOpen: (info: ContractInfo) => void;
}

export function ChainBody({ symbol, view, set, selectedKey, handle, onOpen }: ChainBodyProps) {
  const { expirations, expiration, query } = view;
  const failed = expirations.error ?? (view.loaded ? null : query.error);
  if (failed !== null && !view.loaded) {
    const retry = () => void (expirations.error === null ? query.refetch() : expirations.refetch());
    return (
      <Box flex={1} pad="s4">
        <FailureCard failure={asFailure(failed)} onRetry={retry} />
      </Box>
    );
  }
  if (expirations.data !== undefined && expiration === null) {
    return <EmptyState title={t('chain.none.title')} text={t('chain.none.text', { symbol })} />;
  }
  if (expiration === null || !view.loaded) return <ChainSkeleton set={set} />;
  if (view.rows.length === 0) {
    return (
      <EmptyState title={t('chain.empty.title')} text={view.failed ?? t('chain.empty.text')} />
    );
  }
  const date = shortDate(expiration.date);
  return (
    <ChainTable
      key={`${expiration.date} ${view.root ?? ''}`}
      symbol={symbol}
      label={t('chain.table', { symbol, date })}
      rows={view.rows}
      spot={view.spot}
      move={view.move}
      set={set}
      stale={view.stale}
      covered={view.covered}
      onShown={view.onShown}
      selectedKey={selectedKey}
      handle={handle}
      onOpen={onOpen}
    />
  );
}
