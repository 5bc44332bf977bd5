/** The rows of the list, and what stands there when there are none. */
import { restoreUsualSymbols } from '@/api/device-list';
import { asFailure } from '@/api/failure';
import { Box } from '@/design/box';
import { FailureCard } from '@/design/failure-card';
import { EmptyState } from '@/design/message';
import { Scroll } from '@/design/scroll';
import type { useListQuotes } from '@/features/markets/api';
import { QuoteRow } from '@/features/markets/components/quote-row';
import { t } from '@/i18n/t';
import { exchangeDate } from '@/lib/dates';
import { useMarketNow, useOutage } from '@/stream/hooks';

export interface QuoteListProps {
  list: ReturnType<typeof useListQuotes>;
  compact?: boolean;
  selected?: string | null;
  onOpen: (symbol: string) => void;
}

export function QuoteList({ list, compact = false, selected = null, onOpen }: QuoteListProps) {
  const outage = useOutage();
  const today = exchangeDate(useMarketNow());
  const { query, symbols, names, reasons } = list;
  if (symbols.length === 0) {
    return (
      <EmptyState
        title={t('markets.empty.title')}
        text={t('markets.empty.text')}
        action={{ title: t('markets.empty.action'), onPress: restoreUsualSymbols }}
      />
    );
  }
  const failed = query.error !== null && query.data === undefined;
  return (
    <Scroll
      label={t('markets.list')}
      onRefresh={() => void query.refetch()}
      refreshing={query.isRefetching}
    >
      {failed ? (
        <Box pad="s4">
          <FailureCard failure={asFailure(query.error)} onRetry={() => void query.refetch()} />
        </Box>
      ) : null}
      <Box role={compact ? 'listbox' : undefined} label={compact ? t('markets.list') : undefined}>
        {symbols.map((symbol) => (
          <QuoteRow
            key={symbol}
            symbol={symbol}
            name={names.get(symbol) ?? ''}
            today={today}
            outage={outage}
            reason={failed ? '' : reasons.get(symbol)}
            compact={compact}
            selected={symbol === selected}
            onOpen={onOpen}
          />
        ))}
      </Box>
    </Scroll>
  );
}
