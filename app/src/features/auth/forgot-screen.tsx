/** A link to set a new password. The answer is the same whether or not the address has an account. */
import { useState } from 'react';

import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Field } from '@/design/field';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { Notice } from '@/design/notice';
import { requestReset } from '@/features/auth/api';
import { AuthPage } from '@/features/auth/components/auth-page';
import { looksLikeEmail } from '@/lib/account-input';
import { t } from '@/i18n/t';

export interface ForgotScreenProps {
  onBack: () => void;
}

export function ForgotScreen({ onBack }: ForgotScreenProps) {
  const [email, setEmail] = useState('');
  const [bad, setBad] = useState(false);
  const [sent, setSent] = useState<string | null>(null);
  const action = useAction<string>(requestReset, ['email']);
  const submit = async () => {
    const ok = looksLikeEmail(email);
    setBad(!ok);
    if (ok && (await action.run(email))) setSent(email.trim());
  };
  return (
    <AuthPage
      title={t('forgot.title')}
      lead={t(sent === null ? 'forgot.lead' : 'forgot.sent.lead')}
      other={{ title: t('forgot.other'), onPress: onBack }}
      onBack={onBack}
      testID="forgot-password"
    >
      {sent !== null ? (
        <Notice
          kind="done"
          icon={icons.at}
          title={t('forgot.sent.title')}
          text={t('forgot.sent.text', { email: sent })}
          testID="reset-sent"
        />
      ) : (
        <Box gap="s4">
          <Field
            label={t('auth.email')}
            value={email}
            onChange={setEmail}
            error={bad ? t('auth.error.email') : action.words.fields.email}
            autoComplete="email"
            keyboard="email-address"
            submitLabel="send"
            maxLength={254}
            onSubmit={() => void submit()}
            testID="email"
          />
          <FormError text={action.words.form} />
          <Button
            title={t('forgot.submit')}
            onPress={() => void submit()}
            busy={action.busy}
            testID="submit"
          />
        </Box>
      )}
    </AuthPage>
  );
}
