/** What OPTIX asked a broker and what came back, for its owner's eyes and for support. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { Exchange } from '@/api/types';
import { Loaded } from '@/api/loaded';
import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { EmptyState } from '@/design/message';
import { MoreButton } from '@/design/more-button';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { Text } from '@/design/text';
import { exportLog, logQuery } from '@/features/brokerage/api';
import { exchangeTone } from '@/features/brokerage/model';
import { t } from '@/i18n/t';
import { exchangeDate, exchangeTime, shortDate } from '@/lib/dates';
import { fixed } from '@/lib/format';
import { saveFile } from '@/lib/save-file';

function ExchangeRow({ exchange, last }: { exchange: Exchange; last: boolean }) {
  const at = Date.parse(exchange.at);
  const status = exchange.status === null ? t('log.failed') : String(exchange.status);
  return (
    <Box padX="s4" padY="s3" gap="s0" rule={last ? undefined : 'bottom'}>
      <Row gap="s3" align="flex-start">
        <Box flex={1}>
          <Text variant="label" weight={500}>
            {`${exchange.method} ${exchange.path}`}
          </Text>
        </Box>
        <Text variant="label" tone={exchangeTone(exchange)} numeric>
          {status}
        </Text>
      </Row>
      <Row gap="s3" justify="space-between">
        <Text variant="caption" tone="tertiary" numeric>
          {`${shortDate(exchangeDate(at))} ${exchangeTime(at)}`}
        </Text>
        <Text variant="caption" tone="tertiary" numeric>
          {t('log.took', { milliseconds: fixed(exchange.milliseconds, 0) })}
        </Text>
      </Row>
      {exchange.note === '' ? null : (
        <Text variant="caption" tone="secondary">
          {exchange.note}
        </Text>
      )}
    </Box>
  );
}

export function LogScreen({ id, onBack }: { id: string; onBack: () => void }) {
  const list = useInfiniteQuery(logQuery(id));
  const [saved, setSaved] = useState(false);
  const save = useAction<void>(async () => {
    setSaved(await saveFile(`optix-connection-${id}.txt`, await exportLog(id), 'text/plain'));
  });
  return (
    <Page
      wide
      title={t('log.title')}
      lead={t('log.lead')}
      onBack={onBack}
      onRefresh={() => void list.refetch()}
      refreshing={list.isRefetching}
      testID="connection-log"
      dock={
        <Button
          kind="outlined"
          icon={icons.download}
          title={t('log.export')}
          onPress={() => void save.run()}
          busy={save.busy}
          testID="export-log"
        />
      }
    >
      {saved ? <Notice kind="done" text={t('log.saved')} testID="log-saved" /> : null}
      <FormError text={save.words.form} />
      <Loaded query={list} rows={6}>
        {({ pages }) => {
          const rows = pages.flatMap((page) => page.exchanges);
          if (rows.length === 0) {
            return <EmptyState title={t('log.none')} text={t('log.none.text')} />;
          }
          return (
            <Card>
              {rows.map((exchange, index) => (
                <ExchangeRow
                  // Two exchanges may share everything but their place.
                  key={`${exchange.at}-${index}`}
                  exchange={exchange}
                  last={index === rows.length - 1}
                />
              ))}
            </Card>
          );
        }}
      </Loaded>
      <MoreButton list={list} />
    </Page>
  );
}
