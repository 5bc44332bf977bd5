/** The authenticator app: scanned, confirmed by its first code, with recovery codes; or turned off. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { StyleSheet } from 'react-native';

import { Loaded } from '@/api/loaded';
import type { TotpSetup, User } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { CodeField } from '@/design/code-field';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { QrCode } from '@/design/qr-code';
import { SettingRow } from '@/design/setting-row';
import { Text } from '@/design/text';
import { beginTotp, confirmTotp, factorsQuery, removeTotp } from '@/features/security/api';
import { RecoveryCodesView } from '@/features/security/components/recovery-codes';
import { grouped } from '@/features/security/model';
import { t } from '@/i18n/t';
import { copyText } from '@/lib/clipboard';
import { clockWords, useSecondsLeft } from '@/lib/countdown';
import { shortDate } from '@/lib/dates';

export interface AuthenticatorScreenProps {
  user: User;
  onBack: () => void;
}

interface Begun {
  setup: TotpSetup;
  endsAt: number;
}

function Facts() {
  return (
    <Box gap="s3">
      {(['totp.fact.what', 'totp.fact.offline', 'totp.fact.lost'] as const).map((key, index) => (
        <Row key={key} gap="s3" align="flex-start">
          <Text variant="label" tone="accent" numeric style={styles.number}>
            {index + 1}
          </Text>
          <Box flex={1}>
            <Text tone="secondary">{t(key)}</Text>
          </Box>
        </Row>
      ))}
    </Box>
  );
}

function SecretCard({ setup }: { setup: TotpSetup }) {
  const [copied, setCopied] = useState(false);
  return (
    <Card pad="s4" gap="s3">
      <Box align="center">
        <QrCode text={setup.otpauth_uri} label={t('totp.qr')} testID="totp-qr" />
      </Box>
      <Box gap="s1" align="center">
        <Text variant="label" tone="tertiary">
          {t('totp.key')}
        </Text>
        <Text variant="num" align="center" selectable testID="totp-key" style={styles.key}>
          {grouped(setup.manual_key)}
        </Text>
      </Box>
      <Button
        kind="outlined"
        icon={copied ? icons.check : icons.copy}
        title={t(copied ? 'action.copied' : 'totp.copy')}
        onPress={() => void copyText(setup.manual_key).then(setCopied)}
      />
    </Card>
  );
}

function Confirm(props: { begun: Begun; onCodes: (codes: readonly string[]) => void }) {
  const { begun, onCodes } = props;
  const [code, setCode] = useState('');
  const left = useSecondsLeft(begun.endsAt);
  const confirm = useAction<string>(async (digits) => onCodes(await confirmTotp(digits)), ['code']);
  const submit = async (digits: string) => {
    if (!(await confirm.run(digits))) setCode('');
  };
  return (
    <Box gap="s4">
      <Text tone="secondary">{t('totp.scan')}</Text>
      <SecretCard setup={begun.setup} />
      <Text tone="secondary">{t('totp.confirm')}</Text>
      <CodeField
        label={t('totp.code')}
        help={left > 0 ? t('totp.left', { time: clockWords(left) }) : t('totp.ended')}
        length={6}
        value={code}
        onChange={(digits) => {
          setCode(digits);
          if (digits !== '') confirm.clear();
        }}
        onComplete={(digits) => void submit(digits)}
        error={confirm.words.fields.code ?? confirm.words.form}
        busy={confirm.busy}
        testID="totp-code"
      />
    </Box>
  );
}

function useSetup() {
  const [begun, setBegun] = useState<Begun | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const begin = useAction<void>(async () => {
    const setup = await beginTotp();
    setBegun({ setup, endsAt: Date.now() + setup.expires_in * 1000 });
  });
  return { begun, codes, begin, setCodes };
}

function On({ since, onBack }: { since: string | null; onBack: () => void }) {
  const remove = useAction<void>(removeTotp);
  return (
    <Box gap="s4">
      <Card>
        <SettingRow name={t('totp.state')} value={t('state.on')} tone="accent" />
        <SettingRow last name={t('totp.added')} value={since === null ? '—' : shortDate(since)} />
      </Card>
      <Notice kind="info" text={t('totp.off.text')} />
      <FormError text={remove.words.form} />
      <Button
        kind="outlined"
        tone="danger"
        title={t('totp.off')}
        onPress={() => void remove.run().then((worked) => worked && onBack())}
        busy={remove.busy}
        testID="totp-off"
      />
    </Box>
  );
}

export function AuthenticatorScreen({ user, onBack }: AuthenticatorScreenProps) {
  const factors = useQuery(factorsQuery);
  const { begun, codes, begin, setCodes } = useSetup();
  const body = () => {
    if (codes !== null) {
      return <RecoveryCodesView codes={codes} email={user.email} onDone={onBack} />;
    }
    if (begun !== null) return <Confirm begun={begun} onCodes={setCodes} />;
    return (
      <Loaded query={factors}>
        {(data) =>
          data.totp ? (
            <On since={data.totp_since} onBack={onBack} />
          ) : (
            <Box gap="s6">
              <Facts />
              <FormError text={begin.words.form} />
              <Button
                title={t('totp.begin')}
                onPress={() => void begin.run()}
                busy={begin.busy}
                testID="totp-begin"
              />
            </Box>
          )
        }
      </Loaded>
    );
  };
  return (
    <Page title={t(codes === null ? 'totp.title' : 'codes.title')} onBack={onBack}>
      {body()}
    </Page>
  );
}

const styles = StyleSheet.create({
  number: { width: 16, paddingTop: 2 },
  // Two lines of four groups: people copy it by eye.
  key: { maxWidth: 220 },
});
