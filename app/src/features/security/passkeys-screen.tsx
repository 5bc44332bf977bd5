/** Passkeys: made on this device, named, removed. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { Loaded } from '@/api/loaded';
import type { Passkey, User } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { FormError } from '@/design/form-error';
import { Icon } from '@/design/icon';
import { icons } from '@/design/icons';
import { EmptyState } from '@/design/message';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { Text } from '@/design/text';
import { addPasskey, passkeysQuery } from '@/features/security/api';
import { PasskeyCard } from '@/features/security/components/passkey-card';
import { RecoveryCodesView } from '@/features/security/components/recovery-codes';
import { t } from '@/i18n/t';
import { deviceName } from '@/lib/device-name';
import { usePasskeysOffered } from '@/lib/use-passkeys-offered';

export interface PasskeysScreenProps {
  user: User;
  onBack: () => void;
}

function PasskeyCards({ passkeys }: { passkeys: readonly Passkey[] }) {
  if (passkeys.length === 0) {
    const art = (
      <Box pad="s4" radius="pill" surface="accentTint">
        <Icon of={icons.fingerprint} size="lg" tone="accent" />
      </Box>
    );
    return <EmptyState art={art} title={t('passkeys.none')} text={t('passkeys.none.text')} />;
  }
  return (
    <>
      <Text tone="secondary">{t('passkeys.lead')}</Text>
      {passkeys.map((each) => (
        <PasskeyCard key={each.id} passkey={each} />
      ))}
    </>
  );
}

export function PasskeysScreen({ user, onBack }: PasskeysScreenProps) {
  const passkeys = useQuery(passkeysQuery);
  const offered = usePasskeysOffered();
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const add = useAction<void>(async () => {
    const added = await addPasskey(deviceName() || t('passkeys.name.usual'));
    setCodes(added.recovery_codes ?? null);
  });
  if (codes !== null) {
    return (
      <Page title={t('codes.title')} onBack={() => setCodes(null)}>
        <RecoveryCodesView codes={codes} email={user.email} onDone={() => setCodes(null)} />
      </Page>
    );
  }
  return (
    <Page
      title={t('passkeys.title')}
      onBack={onBack}
      onRefresh={() => void passkeys.refetch()}
      testID="passkeys"
      dock={
        offered ? (
          <>
            <FormError text={add.words.form} />
            <Button
              icon={icons.plus}
              title={t('passkeys.add')}
              onPress={() => void add.run()}
              busy={add.busy}
              testID="add-passkey"
            />
          </>
        ) : undefined
      }
    >
      {offered ? null : <Notice kind="info" text={t('passkeys.unsupported')} />}
      <Loaded query={passkeys}>{(data) => <PasskeyCards passkeys={data.passkeys} />}</Loaded>
    </Page>
  );
}
