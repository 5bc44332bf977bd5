/** You: the account and how it is guarded, how the app looks, where its numbers come from. */
import { useQuery } from '@tanstack/react-query';
import { StyleSheet } from 'react-native';

import { configQuery } from '@/api/market-queries';
import { changePreferences } from '@/api/preferences';
import { sessionStore, signOut } from '@/api/session-store';
import type { User } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { Section } from '@/design/page';
import { Header, Screen } from '@/design/screen';
import { Scroll } from '@/design/scroll';
import { LinkRow, SettingRow, SwitchRow } from '@/design/setting-row';
import { Text } from '@/design/text';
import { AccountCard } from '@/features/account/components/account-card';
import { Appearance } from '@/features/account/components/appearance';
import { FeedCard } from '@/features/account/components/feed-card';
import { t } from '@/i18n/t';
import { useStore } from '@/lib/external-store';
import { chooseWireFormat, wireFormat } from '@/stream/wire-format';

export interface YouScreenProps {
  onBrokerages: () => void;
  onSecurity: () => void;
  onAgreement: () => void;
  onAdmin: () => void;
}

function Ways({ user, ...to }: YouScreenProps & { user: User }) {
  const { onBrokerages, onSecurity, onAgreement, onAdmin } = to;
  const admin = user.role === 'admin';
  return (
    <Card>
      <LinkRow
        icon={icons.brokerage}
        title={t('brokerage.title')}
        text={t('brokerage.row')}
        onPress={onBrokerages}
        testID="open-brokerages"
      />
      <LinkRow
        icon={icons.shield}
        title={t('security.title')}
        text={t('security.row')}
        value={t(user.second_factor ? 'you.guarded' : 'you.unguarded')}
        valueTone={user.second_factor ? 'accent' : 'warning'}
        onPress={onSecurity}
        testID="open-security"
      />
      <LinkRow
        icon={icons.check}
        title={t('agreement.title')}
        text={t('agreement.row')}
        last={!admin}
        onPress={onAgreement}
        testID="open-agreement"
      />
      {admin ? (
        <LinkRow
          last
          icon={icons.users}
          title={t('admin.title')}
          text={t('admin.row')}
          onPress={onAdmin}
          testID="open-admin"
        />
      ) : null}
    </Card>
  );
}

function Mails({ user }: { user: User }) {
  const save = useAction<boolean>((on) => changePreferences({ security_mails: on }));
  return (
    <Card>
      <SwitchRow
        last
        title={t('you.mails')}
        text={t('you.mails.text')}
        on={user.preferences.security_mails}
        busy={save.busy}
        onChange={(on) => void save.run(on)}
        testID="security-mails"
      />
      <FormError text={save.words.form} />
    </Card>
  );
}

function About() {
  const config = useQuery(configQuery);
  const format = useStore(wireFormat);
  const environment = config.data?.environment;
  // Whoever chose it keeps the way back, wherever the app is used next.
  const developing = environment === 'development' || format === 'json';
  return (
    <Card>
      <SettingRow name={t('you.version')} value={config.data?.version ?? '—'} />
      <SettingRow last={!developing} name={t('you.environment')} value={environment ?? '—'} />
      {developing ? (
        <SwitchRow
          last
          title={t('you.readable')}
          text={t('you.readable.text')}
          on={format === 'json'}
          onChange={(on) => void chooseWireFormat(on ? 'json' : 'binary')}
          testID="readable-stream"
        />
      ) : null}
    </Card>
  );
}

export function YouScreen(ways: YouScreenProps) {
  const session = useStore(sessionStore);
  if (session.phase !== 'signed-in') return null;
  const { user } = session;
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
          <AccountCard user={user} />
          <Ways user={user} {...ways} />
          <Section title={t('you.feed')}>
            <FeedCard />
          </Section>
          <Section title={t('you.appearance')}>
            <Appearance />
          </Section>
          <Section title={t('you.notices')}>
            <Mails user={user} />
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
