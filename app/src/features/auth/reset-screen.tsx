/** A new password by the link of a mail. The token came in the fragment and is nowhere else. */
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { FormError } from '@/design/form-error';
import { Notice } from '@/design/notice';
import { Skeleton } from '@/design/skeleton';
import { confirmReset } from '@/features/auth/api';
import { AuthPage } from '@/features/auth/components/auth-page';
import { NewPassword, useNewPassword } from '@/api/new-password';
import { t } from '@/i18n/t';

export interface ResetScreenProps {
  /** Undefined while the link is read, null when it brought no token. */
  token: string | null | undefined;
  onBack: () => void;
  onForgot: () => void;
  onDone: () => void;
}

function Form({ token, onDone }: { token: string; onDone: () => void }) {
  const fresh = useNewPassword();
  const action = useAction<string>((text) => confirmReset(token, text), ['new_password']);
  const submit = async () => {
    if (fresh.check() && (await action.run(fresh.password))) onDone();
  };
  return (
    <Box gap="s4">
      <NewPassword
        label={t('reset.password')}
        value={fresh.password}
        onChange={(text) => {
          fresh.change(text);
          action.clear();
        }}
        error={fresh.error ?? action.words.fields.new_password ?? null}
        onSubmit={() => void submit()}
      />
      <Notice kind="info" text={t('reset.note')} />
      <FormError text={action.words.form} />
      <Button
        title={t('reset.submit')}
        onPress={() => void submit()}
        busy={action.busy}
        testID="submit"
      />
    </Box>
  );
}

export function ResetScreen({ token, onBack, onForgot, onDone }: ResetScreenProps) {
  return (
    <AuthPage
      title={t('reset.title')}
      lead={t('reset.lead')}
      other={{ title: t('reset.other'), onPress: onForgot }}
      onBack={onBack}
      testID="reset-password"
    >
      {token === undefined ? <Skeleton width="100%" height={48} /> : null}
      {token === null ? (
        <Notice kind="warning" title={t('reset.missing.title')} text={t('reset.missing.text')} />
      ) : null}
      {typeof token === 'string' ? <Form token={token} onDone={onDone} /> : null}
    </AuthPage>
  );
}
