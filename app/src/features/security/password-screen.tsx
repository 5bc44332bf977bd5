/** Another password, or a first one for who came in without. */
import { useState } from 'react';

import { NewPassword, useNewPassword } from '@/api/new-password';
import type { User } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Button } from '@/design/button';
import { FormError } from '@/design/form-error';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { changePassword } from '@/features/security/api';
import { t } from '@/i18n/t';

export interface PasswordScreenProps {
  user: User;
  onBack: () => void;
}

export function PasswordScreen({ user, onBack }: PasswordScreenProps) {
  const fresh = useNewPassword();
  const [done, setDone] = useState(false);
  const change = useAction<string>(changePassword, ['new_password']);
  const submit = async () => {
    if (!fresh.check()) return;
    if (!(await change.run(fresh.password))) return;
    fresh.change('');
    setDone(true);
  };
  return (
    <Page
      title={t(user.has_password ? 'password.title' : 'password.title.first')}
      lead={t('password.lead')}
      onBack={onBack}
      testID="change-password"
    >
      {done ? <Notice kind="done" text={t('password.done')} testID="password-done" /> : null}
      <NewPassword
        label={t('reset.password')}
        value={fresh.password}
        onChange={(text) => {
          fresh.change(text);
          change.clear();
          setDone(false);
        }}
        email={user.email}
        displayName={user.display_name}
        error={fresh.error ?? change.words.fields.new_password ?? null}
        onSubmit={() => void submit()}
      />
      <FormError text={change.words.form} />
      <Button
        title={t('password.submit')}
        onPress={() => void submit()}
        busy={change.busy}
        testID="submit"
      />
    </Page>
  );
}
