/** Create an account: e-mail, password with its strength, a name if one likes. */
import { useState } from 'react';

import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Field } from '@/design/field';
import { FormError } from '@/design/form-error';
import { register, type RegistrationInput } from '@/features/auth/api';
import { AuthPage } from '@/features/auth/components/auth-page';
import { NewPassword, useNewPassword } from '@/api/new-password';
import { looksLikeEmail } from '@/lib/account-input';
import { t } from '@/i18n/t';

export interface RegisterScreenProps {
  onBack: () => void;
  onSignIn: () => void;
  onStarted: () => void;
}

const FIELDS = ['email', 'password', 'display_name'];

function useForm(onStarted: () => void) {
  const [email, setEmail] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [emailError, setEmailError] = useState<string | null>(null);
  const fresh = useNewPassword();
  const action = useAction<RegistrationInput>(register, FIELDS);
  const submit = async () => {
    const badEmail = !looksLikeEmail(email);
    setEmailError(badEmail ? t('auth.error.email') : null);
    const ok = fresh.check();
    if (badEmail || !ok) return;
    if (await action.run({ email, password: fresh.password, displayName })) onStarted();
  };
  return {
    email,
    displayName,
    fresh,
    action,
    emailError: emailError ?? action.words.fields.email ?? null,
    changeEmail: (text: string) => {
      setEmail(text);
      setEmailError(null);
      action.clear();
    },
    changeName: setDisplayName,
    submit: () => void submit(),
  };
}

export function RegisterScreen({ onBack, onSignIn, onStarted }: RegisterScreenProps) {
  const form = useForm(onStarted);
  const { words, busy } = form.action;
  return (
    <AuthPage
      title={t('register.title')}
      lead={t('register.lead')}
      step={{ at: 0, of: 2 }}
      other={{ title: t('register.other'), onPress: onSignIn }}
      onBack={onBack}
      testID="register"
    >
      <Box gap="s4">
        <Field
          label={t('auth.email')}
          value={form.email}
          onChange={form.changeEmail}
          error={form.emailError}
          autoComplete="email"
          keyboard="email-address"
          submitLabel="next"
          maxLength={254}
          onSubmit={form.submit}
          testID="email"
        />
        <NewPassword
          label={t('auth.password')}
          value={form.fresh.password}
          onChange={form.fresh.change}
          email={form.email}
          displayName={form.displayName}
          error={form.fresh.error ?? words.fields.password ?? null}
          onSubmit={form.submit}
        />
        <Field
          label={t('auth.name')}
          value={form.displayName}
          onChange={form.changeName}
          error={words.fields.display_name}
          help={t('auth.name.help')}
          autoComplete="name"
          capitalize="words"
          maxLength={80}
          onSubmit={form.submit}
          testID="name"
        />
        <FormError text={words.form} />
        <Button title={t('register.submit')} onPress={form.submit} busy={busy} testID="submit" />
      </Box>
    </AuthPage>
  );
}
