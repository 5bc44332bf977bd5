/** E-mail, password and, when registering, a name: one form for both screens. */
import { useState } from 'react';

import { asFailure } from '@/api/failure';
import { Box } from '@/design/box';
import { Button, IconButton } from '@/design/button';
import { Field } from '@/design/field';
import { icons } from '@/design/icons';
import { Text } from '@/design/text';
import {
  complaints,
  NO_ERRORS,
  PASSWORD_LENGTH_MIN,
  placeFailure,
  type Complaint,
  type FormErrors,
} from '@/features/auth/model';
import { t } from '@/i18n/t';

export interface AccountValues {
  email: string;
  password: string;
  display_name: string;
}

export interface AccountFormProps {
  registering: boolean;
  submitTitle: string;
  onSubmit: (values: AccountValues) => Promise<void>;
}

function words(found: readonly Complaint[], password: string): FormErrors {
  return {
    ...NO_ERRORS,
    email: found.includes('email') ? t('auth.error.email') : null,
    password: found.includes('password-empty')
      ? t('auth.error.password.empty')
      : found.includes('password-short')
        ? t('auth.error.password.short', {
            min: PASSWORD_LENGTH_MIN,
            missing: PASSWORD_LENGTH_MIN - password.length,
          })
        : null,
  };
}

function useAccountForm({ registering, onSubmit }: AccountFormProps) {
  const [values, setValues] = useState<AccountValues>({
    email: '',
    password: '',
    display_name: '',
  });
  const [errors, setErrors] = useState<FormErrors>(NO_ERRORS);
  const [busy, setBusy] = useState(false);
  const set = (name: keyof AccountValues) => (text: string) => {
    setValues((old) => ({ ...old, [name]: text }));
    setErrors((old) => ({ ...old, [name]: null, form: null }));
  };
  const submit = async () => {
    const found = complaints(values.email, values.password, registering);
    if (found.length > 0) {
      setErrors(words(found, values.password));
      return;
    }
    setBusy(true);
    try {
      await onSubmit(values);
    } catch (error) {
      const offline = `${t('error.offline.title')}. ${t('error.offline.text')}`;
      setErrors(placeFailure(asFailure(error), offline, t('error.unreadable.text')));
    } finally {
      setBusy(false);
    }
  };
  return { values, errors, busy, set, submit: () => void submit() };
}

export function AccountForm(props: AccountFormProps) {
  const { registering } = props;
  const { values, errors, busy, set, submit } = useAccountForm(props);
  const [shown, setShown] = useState(false);
  return (
    <Box gap="s4">
      <Field
        label={t('auth.email')}
        value={values.email}
        onChange={set('email')}
        error={errors.email}
        autoComplete="email"
        keyboard="email-address"
        submitLabel="next"
        maxLength={254}
        onSubmit={submit}
        testID="email"
      />
      <Field
        label={t('auth.password')}
        value={values.password}
        onChange={set('password')}
        error={errors.password}
        help={registering ? t('auth.password.help', { min: PASSWORD_LENGTH_MIN }) : undefined}
        secure={!shown}
        autoComplete={registering ? 'new-password' : 'current-password'}
        maxLength={256}
        onSubmit={submit}
        testID="password"
        trailing={
          <IconButton
            icon={shown ? icons.eyeOff : icons.eye}
            label={t(shown ? 'auth.password.hide' : 'auth.password.show')}
            onPress={() => setShown(!shown)}
          />
        }
      />
      {registering ? (
        <Field
          label={t('auth.name')}
          value={values.display_name}
          onChange={set('display_name')}
          error={errors.display_name}
          help={t('auth.name.help')}
          autoComplete="name"
          capitalize="words"
          maxLength={80}
          onSubmit={submit}
          testID="name"
        />
      ) : null}
      <Box role="alert">
        {errors.form ? (
          <Text variant="label" tone="danger" testID="form-error">
            {errors.form}
          </Text>
        ) : null}
      </Box>
      <Button title={props.submitTitle} onPress={submit} busy={busy} testID="submit" />
    </Box>
  );
}
