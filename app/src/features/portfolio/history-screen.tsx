/** The history of all accounts, the newest first. */
import { useDeferredValue, useState } from 'react';

import { Loaded } from '@/api/loaded';
import { Box, Row } from '@/design/box';
import { Card } from '@/design/card';
import { Field } from '@/design/field';
import { EmptyState } from '@/design/message';
import { MoreButton } from '@/design/more-button';
import { Page } from '@/design/page';
import { Text } from '@/design/text';
import { useTransactions, type Transaction } from '@/features/portfolio/api';
import { gainText, transactionNote, transactionWords } from '@/features/portfolio/model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';

function Line({ line, last }: { line: Transaction; last: boolean }) {
  const note = transactionNote(line);
  return (
    <Row
      padX="s4"
      padY="s3"
      gap="s3"
      align="flex-start"
      rule={last ? undefined : 'bottom'}
      testID={`line-${line.asset?.symbol ?? line.kind}`}
    >
      <Box flex={1} gap="s0">
        <Text>{transactionWords(line)}</Text>
        <Text variant="caption" tone="tertiary" numeric>
          {shortDate(line.day)}
        </Text>
        {note === '' ? null : (
          <Text variant="caption" tone={line.disputed ? 'warning' : 'tertiary'}>
            {note}
          </Text>
        )}
      </Box>
      <Text numeric>{gainText(line.cash, line.currency)}</Text>
    </Row>
  );
}

function Lines({ lines, searched }: { lines: readonly Transaction[]; searched: boolean }) {
  if (lines.length === 0) {
    return searched ? (
      <Text tone="secondary">{t('history.nothing')}</Text>
    ) : (
      <EmptyState title={t('history.none')} text={t('history.none.text')} />
    );
  }
  return (
    <Card>
      {lines.map((line, index) => (
        <Line key={line.id} line={line} last={index === lines.length - 1} />
      ))}
    </Card>
  );
}

export function HistoryScreen({ onBack }: { onBack: () => void }) {
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text.trim());
  const list = useTransactions(wanted);
  return (
    <Page
      title={t('history.title')}
      onBack={onBack}
      onRefresh={() => void list.refetch()}
      refreshing={list.isRefetching}
      testID="history"
    >
      <Field label={t('history.search')} value={text} onChange={setText} testID="history-search" />
      <Loaded query={list} rows={6}>
        {({ pages }) => (
          <Lines lines={pages.flatMap((page) => page.transactions)} searched={wanted !== ''} />
        )}
      </Loaded>
      <MoreButton list={list} />
    </Page>
  );
}
