/** Sign in: by password, by passkey, or by somebody this server trusts. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Field } from '@/design/field';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { Notice } from '@/design/notice';
import { PasswordField } from '@/design/password-field';
import { Text } from '@/design/text';
import {
  issuersQuery,
  signIn,
  signInWithPasskey,
  type CredentialsInput,
} from '@/features/auth/api';
import { AuthPage } from '@/features/auth/components/auth-page';
import { complaints } from '@/features/auth/model';
import { t } from '@/i18n/t';
import { usePasskeysOffered } from '@/lib/use-passkeys-offered';
import { signInWithIssuer } from '@/features/auth/issuer-sign-in';

export interface SignInScreenProps {
  /** A password was just set by a link: said above the form. */
  resetDone: boolean;
  onBack: () => void;
  onRegister: () => void;
  onForgot: () => void;
}

function PasswordForm({ onForgot }: { onForgot: () => void }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [tried, setTried] = useState(false);
  const action = useAction<CredentialsInput>(signIn, ['email']);
  const found = tried ? complaints(email, password, false) : [];
  const submit = () => {
    setTried(true);
    if (complaints(email, password, false).length === 0) void action.run({ email, password });
  };
  return (
    <Box gap="s4">
      <Field
        label={t('auth.email')}
        value={email}
        onChange={setEmail}
        error={found.includes('email') ? t('auth.error.email') : action.words.fields.email}
        autoComplete="email"
        keyboard="email-address"
        submitLabel="next"
        maxLength={254}
        onSubmit={submit}
        testID="email"
      />
      <PasswordField
        label={t('auth.password')}
        value={password}
        onChange={setPassword}
        error={found.includes('password-empty') ? t('auth.error.password.empty') : null}
        onSubmit={submit}
        testID="password"
      />
      <FormError text={action.words.form} />
      <Button title={t('signin.submit')} onPress={submit} busy={action.busy} testID="submit" />
      <Button kind="text" title={t('signin.forgot')} onPress={onForgot} testID="forgot" />
    </Box>
  );
}

function OtherWays() {
  const passkeys = usePasskeysOffered();
  const issuers = useQuery(issuersQuery).data?.issuers ?? [];
  const passkey = useAction<void>(signInWithPasskey);
  const issuer = useAction<string>(signInWithIssuer);
  if (!passkeys && issuers.length === 0) return null;
  return (
    <Box gap="s3">
      <Row gap="s3">
        <Box flex={1} rule="top" />
        <Text variant="label" tone="tertiary">
          {t('signin.or')}
        </Text>
        <Box flex={1} rule="top" />
      </Row>
      {passkeys ? (
        <Button
          kind="outlined"
          icon={icons.fingerprint}
          title={t('signin.passkey')}
          onPress={() => void passkey.run()}
          busy={passkey.busy}
          testID="passkey-sign-in"
        />
      ) : null}
      {issuers.map((each) => (
        <Button
          key={each.id}
          kind="outlined"
          icon={icons.signIn}
          title={t('signin.issuer', { name: each.name })}
          onPress={() => void issuer.run(each.id)}
          busy={issuer.busy}
          testID={`issuer-${each.id}`}
        />
      ))}
      <FormError text={passkey.words.form ?? issuer.words.form} />
    </Box>
  );
}

export function SignInScreen({ resetDone, onBack, onRegister, onForgot }: SignInScreenProps) {
  return (
    <AuthPage
      title={t('signin.title')}
      lead={t('signin.lead')}
      other={{ title: t('signin.other'), onPress: onRegister }}
      onBack={onBack}
      testID="sign-in"
    >
      {resetDone ? <Notice kind="done" text={t('reset.done')} testID="reset-done" /> : null}
      <PasswordForm onForgot={onForgot} />
      <OtherWays />
    </AuthPage>
  );
}
