/** You: the account, how the app looks, where its numbers come from, and the way out. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { StyleSheet } from 'react-native';

import { configQuery } from '@/api/market-queries';
import { sessionStore, signOut } from '@/api/session-store';
import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { icons } from '@/design/icons';
import { Header, Screen } from '@/design/screen';
import { Scroll } from '@/design/scroll';
import { Segmented } from '@/design/segmented';
import { Text } from '@/design/text';
import { useSchemeChoice, type SchemeChoice } from '@/design/theme';
import { FeedCard } from '@/features/account/components/feed-card';
import { SettingRow } from '@/features/account/components/setting-row';
import { initials, roleKey } from '@/features/account/model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import { useStore } from '@/lib/external-store';

const THEMES: readonly { value: SchemeChoice; label: string }[] = [
  { value: 'system', label: t('you.theme.system') },
  { value: 'dark', label: t('you.theme.dark') },
  { value: 'light', label: t('you.theme.light') },
];

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Box gap="s2">
      <Text variant="label" tone="tertiary" heading={2}>
        {title}
      </Text>
      {children}
    </Box>
  );
}

function AccountCard() {
  const session = useStore(sessionStore);
  if (session.phase !== 'signed-in') return null;
  const { user } = session;
  return (
    <Card pad="s4">
      <Row gap="s3">
        <Box width={48} height={48} radius="md" surface="s3" align="center" justify="center">
          <Text variant="title3">{initials(user)}</Text>
        </Box>
        <Box flex={1}>
          <Text variant="title3" lines={1}>
            {user.display_name || user.email}
          </Text>
          <Text variant="label" tone="secondary" lines={1} testID="account-email">
            {user.email}
          </Text>
          <Text variant="caption" tone="tertiary">
            {t(roleKey(user.role), { date: shortDate(user.created_at) })}
          </Text>
        </Box>
      </Row>
    </Card>
  );
}

function About() {
  const config = useQuery(configQuery);
  return (
    <Card>
      <SettingRow name={t('you.version')} value={config.data?.version ?? '—'} />
      <SettingRow last name={t('you.environment')} value={config.data?.environment ?? '—'} />
    </Card>
  );
}

export function YouScreen() {
  const [choice, choose] = useSchemeChoice();
  return (
    <Screen
      label={t('you.title')}
      header={
        <Header>
          <Text variant="title1" heading={1}>
            {t('you.title')}
          </Text>
        </Header>
      }
    >
      <Scroll>
        <Box padX="s4" padY="s2" gap="s6" style={styles.column}>
          <AccountCard />
          <Section title={t('you.feed')}>
            <FeedCard />
          </Section>
          <Section title={t('you.appearance')}>
            <Segmented options={THEMES} value={choice} onChange={choose} label={t('you.theme')} />
          </Section>
          <Section title={t('you.about')}>
            <About />
          </Section>
          <Button
            kind="outlined"
            icon={icons.signOut}
            title={t('you.signout')}
            onPress={() => void signOut()}
            testID="sign-out"
          />
        </Box>
      </Scroll>
    </Screen>
  );
}

const styles = StyleSheet.create({
  column: { width: '100%', maxWidth: 640, alignSelf: 'center' },
});
