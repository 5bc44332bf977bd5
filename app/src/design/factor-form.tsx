/**
 * Proving who one is, by any of the ways offered: the first is shown, the others are one tap away.
 * Used when signing in and for a step-up; what is done with the proof is the caller's.
 */
import { useState } from 'react';

import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { CodeField } from '@/design/code-field';
import { Field } from '@/design/field';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { PasswordField } from '@/design/password-field';
import { Text } from '@/design/text';
import { t } from '@/i18n/t';

export type FactorWay = 'totp' | 'passkey' | 'recovery_code' | 'password';

export type GivenFactor =
  { method: 'totp' | 'recovery_code' | 'password'; secret: string } | { method: 'passkey' };

export interface FactorFormProps {
  ways: readonly FactorWay[];
  busy: boolean;
  error: string | null;
  submitTitle: string;
  onProve: (proof: GivenFactor) => void;
}

/** The quickest way first; a recovery code only when nothing else is there. */
const ORDER: readonly FactorWay[] = ['totp', 'passkey', 'password', 'recovery_code'];

export function orderedWays(ways: readonly FactorWay[]): FactorWay[] {
  return ORDER.filter((way) => ways.includes(way));
}

const ICONS = {
  totp: icons.phone,
  passkey: icons.fingerprint,
  password: icons.password,
  recovery_code: icons.ticket,
} as const;

type InputProps = Omit<FactorFormProps, 'ways'>;

function TotpInput({ busy, error, onProve }: InputProps) {
  const [code, setCode] = useState('');
  return (
    <Box gap="s3">
      <CodeField
        label={t('factor.totp.label')}
        help={t('factor.totp.help')}
        length={6}
        value={code}
        onChange={setCode}
        onComplete={(secret) => onProve({ method: 'totp', secret })}
        error={error}
        busy={busy}
        autoFocus
        testID="totp-code"
      />
    </Box>
  );
}

function PasskeyInput({ busy, error, submitTitle, onProve }: InputProps) {
  return (
    <Box gap="s3">
      <Text tone="secondary">{t('factor.passkey.help')}</Text>
      <FormError text={error} />
      <Button
        icon={icons.fingerprint}
        title={submitTitle}
        busy={busy}
        onPress={() => onProve({ method: 'passkey' })}
        testID="use-passkey"
      />
    </Box>
  );
}

function SecretInput(props: InputProps & { method: 'password' | 'recovery_code' }) {
  const { busy, error, submitTitle, method, onProve } = props;
  const [secret, setSecret] = useState('');
  const [empty, setEmpty] = useState(false);
  const submit = () => {
    setEmpty(secret.trim() === '');
    if (secret.trim() !== '') onProve({ method, secret });
  };
  const shared = {
    value: secret,
    onChange: setSecret,
    onSubmit: submit,
    error: empty ? t(`factor.${method}.empty`) : error,
    autoFocus: true,
  };
  return (
    <Box gap="s4">
      {method === 'password' ? (
        <PasswordField {...shared} label={t('auth.password')} testID="factor-password" />
      ) : (
        <Field
          {...shared}
          label={t('factor.recovery_code.label')}
          help={t('factor.recovery_code.help')}
          autoComplete="off"
          maxLength={64}
          testID="recovery-code"
        />
      )}
      <Button title={submitTitle} busy={busy} onPress={submit} testID="factor-submit" />
    </Box>
  );
}

export function FactorForm({ ways, ...rest }: FactorFormProps) {
  const offered = orderedWays(ways);
  const [chosen, choose] = useState<FactorWay | null>(null);
  const way = chosen !== null && offered.includes(chosen) ? chosen : offered[0];
  if (way === undefined) return <Text tone="secondary">{t('factor.none')}</Text>;
  return (
    <Box gap="s6">
      {way === 'totp' ? <TotpInput {...rest} /> : null}
      {way === 'passkey' ? <PasskeyInput {...rest} /> : null}
      {way === 'password' || way === 'recovery_code' ? (
        <SecretInput key={way} method={way} {...rest} />
      ) : null}
      {offered.length > 1 ? (
        <Box gap="s2">
          <Text variant="label" tone="tertiary">
            {t('factor.other')}
          </Text>
          {offered
            .filter((each) => each !== way)
            .map((each) => (
              <Button
                key={each}
                kind="outlined"
                icon={ICONS[each]}
                title={t(`factor.way.${each}`)}
                onPress={() => choose(each)}
                disabled={rest.busy}
                testID={`way-${each}`}
              />
            ))}
        </Box>
      ) : null}
    </Box>
  );
}
