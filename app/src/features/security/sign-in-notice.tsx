/** A calm word about a sign-in elsewhere. It stays until somebody has looked at it. */
import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { icons } from '@/design/icons';
import { Notice } from '@/design/notice';
import { newSignIn } from '@/features/security/account-events';
import { t } from '@/i18n/t';
import { exchangeTime } from '@/lib/dates';
import { useStore } from '@/lib/external-store';

export function SignInNotice({ onDevices }: { onDevices: () => void }) {
  const signIn = useStore(newSignIn);
  if (signIn === null) return null;
  const close = () => newSignIn.set(null);
  const open = () => {
    close();
    onDevices();
  };
  const title =
    signIn.device === null
      ? t('signinnotice.unknown')
      : t('signinnotice.title', { device: signIn.device });
  return (
    <Box role="status" padX="s4" padY="s2" testID="sign-in-notice">
      <Notice
        kind="info"
        icon={icons.monitor}
        title={title}
        text={t('signinnotice.text', { time: exchangeTime(signIn.at, false) })}
      />
      <Row justify="flex-end" gap="s2">
        <Button kind="text" title={t('signinnotice.devices')} onPress={open} testID="see-devices" />
        <Button kind="text" title={t('signinnotice.close')} onPress={close} testID="seen-sign-in" />
      </Row>
    </Box>
  );
}
