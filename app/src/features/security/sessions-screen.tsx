/** Where one is signed in, and the way to end it. */
import { useQuery } from '@tanstack/react-query';

import { Loaded } from '@/api/loaded';
import type { DeviceSession } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { FormError } from '@/design/form-error';
import { Icon } from '@/design/icon';
import { icons } from '@/design/icons';
import { Page, Section } from '@/design/page';
import { Text } from '@/design/text';
import { endOtherSessions, endSession, sessionsQuery } from '@/features/security/api';
import { deviceTitle, methodKeys, sortedSessions } from '@/features/security/model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import { age } from '@/lib/format';
import { useNow } from '@/lib/now';

function SessionCard({ session }: { session: DeviceSession }) {
  const now = useNow();
  const end = useAction<void>(() => endSession(session.id));
  const title = deviceTitle(session) ?? t(`sessions.${session.client}`);
  const seen = session.current
    ? t('sessions.current')
    : t('sessions.seen', { age: age(now - Date.parse(session.last_seen_at)) });
  const began = t('sessions.began', {
    date: shortDate(session.created_at),
    by: methodKeys(session)
      .map((key) => t(key))
      .join(' + '),
  });
  return (
    <Card pad="s4" gap="s3" testID={session.current ? 'session-current' : 'session'}>
      <Row gap="s3" align="flex-start">
        <Icon
          of={session.client === 'native' ? icons.phone : icons.monitor}
          tone={session.current ? 'accent' : 'secondary'}
        />
        <Box flex={1}>
          <Text weight={600} lines={2}>
            {title}
          </Text>
          <Text variant="label" tone={session.current ? 'accent' : 'secondary'}>
            {session.address ? `${seen} · ${session.address}` : seen}
          </Text>
          <Text variant="label" weight={400} tone="tertiary">
            {began}
          </Text>
        </Box>
      </Row>
      {session.current ? null : (
        <Button
          kind="outlined"
          title={t('sessions.end')}
          label={t('sessions.end.label', { device: title })}
          onPress={() => void end.run()}
          busy={end.busy}
          testID="end-session"
        />
      )}
      <FormError text={end.words.form} />
    </Card>
  );
}

function Others({ sessions }: { sessions: readonly DeviceSession[] }) {
  if (sessions.length === 0) {
    return (
      <Text tone="secondary" testID="no-others">
        {t('sessions.alone')}
      </Text>
    );
  }
  return (
    <Section title={t('sessions.others')}>
      <Box gap="s3">
        {sessions.map((each) => (
          <SessionCard key={each.id} session={each} />
        ))}
      </Box>
    </Section>
  );
}

export function SessionsScreen({ onBack }: { onBack: () => void }) {
  const query = useQuery(sessionsQuery);
  const endAll = useAction<void>(endOtherSessions);
  const sessions = sortedSessions(query.data?.sessions ?? []);
  const others = sessions.filter((each) => !each.current);
  return (
    <Page
      title={t('sessions.title')}
      onBack={onBack}
      onRefresh={() => void query.refetch()}
      refreshing={query.isRefetching}
      testID="sessions"
      dock={
        others.length > 0 ? (
          <>
            <FormError text={endAll.words.form} />
            <Button
              kind="outlined"
              tone="danger"
              title={t('sessions.end.others')}
              onPress={() => void endAll.run()}
              busy={endAll.busy}
              testID="end-others"
            />
          </>
        ) : undefined
      }
    >
      <Loaded query={query}>
        {() => (
          <>
            {sessions
              .filter((each) => each.current)
              .map((each) => (
                <SessionCard key={each.id} session={each} />
              ))}
            <Others sessions={others} />
            <Text variant="label" weight={400} tone="tertiary">
              {t('sessions.note')}
            </Text>
          </>
        )}
      </Loaded>
    </Page>
  );
}
