/** The first page: what OPTIX is, and three ways in. */
import { useQuery } from '@tanstack/react-query';
import { StyleSheet } from 'react-native';

import { asFailure } from '@/api/failure';
import type { SignedOutNotice } from '@/api/session';
import { configQuery } from '@/api/market-queries';
import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { FailureCard } from '@/design/failure-card';
import { Icon, type IconShape } from '@/design/icon';
import { icons } from '@/design/icons';
import { Logo } from '@/design/logo';
import { Notice } from '@/design/notice';
import { Screen } from '@/design/screen';
import { Scroll } from '@/design/scroll';
import { Text } from '@/design/text';
import { useTryIt } from '@/features/auth/api';
import { ConeArt } from '@/features/auth/components/cone-art';
import { t } from '@/i18n/t';

export interface WelcomeScreenProps {
  notice: SignedOutNotice | null;
  onSignIn: () => void;
  onRegister: () => void;
}

function Fact({ icon, text }: { icon: IconShape; text: string }) {
  return (
    <Row gap="s3" align="flex-start">
      <Icon of={icon} tone="accent" />
      <Box flex={1}>
        <Text tone="secondary">{text}</Text>
      </Box>
    </Row>
  );
}

function Ways({ onSignIn, onRegister }: Omit<WelcomeScreenProps, 'notice'>) {
  const config = useQuery(configQuery);
  const tryIt = useTryIt();
  const offered = config.data?.try_it === true;
  const failure = tryIt.error ?? config.error;
  return (
    <Box gap="s3">
      {failure ? (
        <FailureCard failure={asFailure(failure)} onRetry={() => void config.refetch()} />
      ) : null}
      {offered ? (
        <Box gap="s1">
          <Button
            title={t('welcome.try')}
            onPress={() => tryIt.mutate()}
            busy={tryIt.isPending}
            testID="try-it"
          />
          <Text variant="caption" tone="tertiary" align="center">
            {t('welcome.try.hint')}
          </Text>
        </Box>
      ) : null}
      <Row gap="s3">
        <Button
          grow
          kind={offered ? 'outlined' : 'filled'}
          title={t('welcome.signin')}
          onPress={onSignIn}
        />
        <Button grow kind="outlined" title={t('welcome.register')} onPress={onRegister} />
      </Row>
    </Box>
  );
}

export function WelcomeScreen({ notice, onSignIn, onRegister }: WelcomeScreenProps) {
  return (
    <Screen label={t('app.name')} testID="welcome">
      <Scroll grow>
        <Box padX="s4" padY="s6" gap="s6" style={styles.column}>
          <Row gap="s2">
            <Logo size={30} />
            <Text variant="title2" weight={700}>
              {t('app.name')}
            </Text>
          </Row>
          <ConeArt />
          <Box gap="s2">
            <Text variant="hero" weight={700} heading={1} numeric={false}>
              {t('welcome.title')}
            </Text>
            <Text tone="secondary">{t('welcome.lead')}</Text>
          </Box>
          <Box gap="s3">
            <Fact icon={icons.markets} text={t('welcome.fact.live')} />
            <Fact icon={icons.clock} text={t('welcome.fact.honest')} />
            <Fact icon={icons.lock} text={t('welcome.fact.yours')} />
          </Box>
          {notice ? (
            <Notice
              kind={notice === 'ended' ? 'warning' : 'done'}
              text={t(`welcome.${notice}`)}
              testID={`notice-${notice}`}
            />
          ) : null}
          <Box flex={1} />
          <Ways onSignIn={onSignIn} onRegister={onRegister} />
        </Box>
      </Scroll>
    </Screen>
  );
}

const styles = StyleSheet.create({
  column: { width: '100%', maxWidth: 440, alignSelf: 'center', flexGrow: 1 },
});
