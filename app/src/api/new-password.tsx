/** A new password with what the server thinks of it, and the one rule it always has. */
import { useState } from 'react';

import { usePasswordStrength } from '@/api/password-strength';
import { Box } from '@/design/box';
import { PasswordField } from '@/design/password-field';
import { StrengthMeter } from '@/design/strength-meter';
import { PASSWORD_LENGTH_MIN } from '@/lib/account-input';
import { t } from '@/i18n/t';

export interface NewPasswordProps {
  label: string;
  value: string;
  onChange: (text: string) => void;
  email?: string;
  displayName?: string;
  error: string | null;
  onSubmit: () => void;
}

export function NewPassword(props: NewPasswordProps) {
  const { value, email = '', displayName = '' } = props;
  const strength = usePasswordStrength({ password: value, email, displayName });
  return (
    <Box gap="s2">
      <PasswordField
        fresh
        label={props.label}
        value={value}
        onChange={props.onChange}
        error={props.error}
        help={t('auth.password.help', { min: PASSWORD_LENGTH_MIN })}
        onSubmit={props.onSubmit}
        testID="password"
      />
      <StrengthMeter strength={strength} />
    </Box>
  );
}

/** Words for a password that is no password yet; null when it may be sent. */
export function newPasswordError(password: string): string | null {
  if (password === '') return t('auth.error.password.empty');
  if (password.length >= PASSWORD_LENGTH_MIN) return null;
  return t('auth.error.password.short', {
    min: PASSWORD_LENGTH_MIN,
    missing: PASSWORD_LENGTH_MIN - password.length,
  });
}

export function useNewPassword() {
  const [password, setPassword] = useState('');
  const [error, setError] = useState<string | null>(null);
  return {
    password,
    error,
    change: (text: string) => {
      setPassword(text);
      setError(null);
    },
    check: (): boolean => {
      const found = newPasswordError(password);
      setError(found);
      return found === null;
    },
  };
}
