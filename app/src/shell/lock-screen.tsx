/** What stands in front of a locked app: nothing of anybody's, and the way in. */
import { useEffect, useRef } from 'react';
import { AppState, StyleSheet } from 'react-native';

import { cameBack, lockStore, unlock } from '@/api/lock-store';
import { signOut } from '@/api/session-store';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { icons } from '@/design/icons';
import { Logo } from '@/design/logo';
import { Text } from '@/design/text';
import { t } from '@/i18n/t';
import { confirmOwner } from '@/lib/biometrics';
import { useStore } from '@/lib/external-store';

/** Locks the app again when it was away for long. */
export function useLockWhenAway(): boolean {
  const left = useRef<number | null>(null);
  useEffect(() => {
    const listener = AppState.addEventListener('change', (state) => {
      if (state === 'background') left.current = Date.now();
      else if (state === 'active' && left.current !== null) {
        cameBack(Date.now() - left.current);
        left.current = null;
      }
    });
    return () => listener.remove();
  }, []);
  return useStore(lockStore).locked;
}

export function LockScreen() {
  const ask = async () => {
    if (await confirmOwner(t('lock.reason'), t('action.cancel'))) unlock();
  };
  useEffect(() => {
    void ask();
  }, []);
  const leave = async () => {
    await signOut();
    unlock();
  };
  return (
    <Box flex={1} surface="base" align="center" justify="center" gap="s6" role="main">
      <Logo size={56} />
      <Text variant="title2" heading={1}>
        {t('lock.locked')}
      </Text>
      <Box gap="s2" style={styles.actions}>
        <Button icon={icons.fingerprint} title={t('lock.unlock')} onPress={() => void ask()} />
        <Button kind="text" title={t('you.signout')} onPress={() => void leave()} />
      </Box>
    </Box>
  );
}

const styles = StyleSheet.create({ actions: { width: 260 } });
