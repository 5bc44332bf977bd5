/** The audit trail, newest first, and whether its chain holds. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { Loaded } from '@/api/loaded';
import { usePaused } from '@/lib/use-paused';
import type { AuditEvent } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { Field } from '@/design/field';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { EmptyState } from '@/design/message';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { Segmented } from '@/design/segmented';
import { Text } from '@/design/text';
import { auditQuery, verifyAudit, type AuditFilter } from '@/features/admin/api';
import { MoreButton } from '@/design/more-button';
import { detailWords, eventTime } from '@/features/admin/model';
import { t } from '@/i18n/t';
import { fixed } from '@/lib/format';

const OUTCOMES = [
  { value: 'all', label: t('admin.audit.all') },
  { value: 'success', label: t('admin.audit.success') },
  { value: 'failure', label: t('admin.audit.failure') },
] as const;

function EventRow({ event, last }: { event: AuditEvent; last: boolean }) {
  const failed = event.outcome !== 'success';
  const detail = detailWords(event.detail);
  return (
    <Box padX="s4" padY="s3" gap="s0" rule={last ? undefined : 'bottom'} testID="audit-event">
      <Row justify="space-between" gap="s2">
        <Text weight={600}>{event.kind}</Text>
        <Text variant="label" tone={failed ? 'warning' : 'secondary'}>
          {t(failed ? 'admin.audit.failure' : 'admin.audit.success')}
        </Text>
      </Row>
      <Text variant="label" weight={400} tone="secondary" numeric>
        {[eventTime(event.at), event.address].filter(Boolean).join(' · ')}
      </Text>
      {event.user_id ? (
        <Text variant="caption" weight={400} tone="tertiary" selectable>
          {event.user_id}
        </Text>
      ) : null}
      {detail ? (
        <Text variant="caption" weight={400} tone="tertiary">
          {detail}
        </Text>
      ) : null}
    </Box>
  );
}

function Chain() {
  const [said, setSaid] = useState<{ intact: boolean; text: string } | null>(null);
  const verify = useAction<void>(async () => {
    const { checked, broken_at: at } = await verifyAudit();
    setSaid(
      at === null
        ? { intact: true, text: t('admin.audit.intact', { count: fixed(checked, 0) }) }
        : { intact: false, text: t('admin.audit.broken', { at }) },
    );
  });
  return (
    <Box gap="s3">
      <Button
        kind="outlined"
        icon={icons.shield}
        title={t('admin.audit.verify')}
        onPress={() => void verify.run()}
        busy={verify.busy}
        testID="verify-audit"
      />
      {said ? (
        <Notice
          kind={said.intact ? 'done' : 'warning'}
          text={said.text}
          testID={said.intact ? 'audit-intact' : 'audit-broken'}
        />
      ) : null}
      <FormError text={verify.words.form} />
    </Box>
  );
}

export function AuditScreen({ onBack }: { onBack: () => void }) {
  const [kind, setKind] = useState('');
  const [outcome, setOutcome] = useState<AuditFilter['outcome']>('all');
  const list = useInfiniteQuery(auditQuery({ kind: usePaused(kind.trim()), outcome }));
  return (
    <Page
      wide
      title={t('admin.audit')}
      onBack={onBack}
      onRefresh={() => void list.refetch()}
      testID="admin-audit"
    >
      <Chain />
      <Segmented
        label={t('admin.audit.outcome')}
        options={OUTCOMES}
        value={outcome}
        onChange={setOutcome}
      />
      <Field
        label={t('admin.audit.kind')}
        value={kind}
        onChange={setKind}
        autoComplete="off"
        maxLength={64}
        testID="audit-kind"
      />
      <Loaded query={list}>
        {({ pages }) => {
          const events = pages.flatMap((page) => page.events);
          if (events.length === 0) {
            return <EmptyState title={t('admin.audit.none')} text={t('admin.audit.none.text')} />;
          }
          return (
            <Card>
              {events.map((event, index) => (
                <EventRow key={event.seq} event={event} last={index === events.length - 1} />
              ))}
            </Card>
          );
        }}
      </Loaded>
      <MoreButton list={list} />
    </Page>
  );
}
