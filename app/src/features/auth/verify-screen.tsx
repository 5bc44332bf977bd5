/** The code that came by mail: typed or pasted, asked for again, or begun anew once it has ended. */
import { useState } from 'react';

import { dropRegistration, type PendingRegistration } from '@/api/pending-registration';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { CodeField } from '@/design/code-field';
import { FormError } from '@/design/form-error';
import { Notice } from '@/design/notice';
import { Text } from '@/design/text';
import { resendCode, verifyEmail } from '@/features/auth/api';
import { AuthPage } from '@/features/auth/components/auth-page';
import { resendWaitMs } from '@/features/auth/model';
import { t } from '@/i18n/t';
import { clockWords, useSecondsLeft } from '@/lib/countdown';

export interface VerifyScreenProps {
  pending: PendingRegistration;
  onBack: () => void;
  onAgain: () => void;
}

function Resend({ id }: { id: string }) {
  const [sent, setSent] = useState(1);
  const [readyAt, setReadyAt] = useState(() => Date.now() + resendWaitMs(1));
  const wait = useSecondsLeft(readyAt);
  const resend = useAction<void>(() => resendCode(id));
  const press = async () => {
    if (!(await resend.run())) return;
    setReadyAt(Date.now() + resendWaitMs(sent + 1));
    setSent(sent + 1);
  };
  return (
    <Box gap="s2">
      {sent > 1 && resend.words.form === null ? (
        <Text variant="label" tone="secondary" align="center" live="polite" testID="resent">
          {t('verify.resent')}
        </Text>
      ) : null}
      <FormError text={resend.words.form} />
      <Button
        kind="outlined"
        title={wait > 0 ? t('verify.resend.wait', { time: clockWords(wait) }) : t('verify.resend')}
        onPress={() => void press()}
        disabled={wait > 0}
        busy={resend.busy}
        testID="resend"
      />
    </Box>
  );
}

function Waiting({ pending }: { pending: PendingRegistration }) {
  const [code, setCode] = useState('');
  const verify = useAction<string>((digits) => verifyEmail(pending.id, digits), ['code']);
  const left = useSecondsLeft(pending.endsAt);
  const submit = async (digits: string) => {
    if (!(await verify.run(digits))) setCode('');
  };
  return (
    <Box gap="s6">
      <Box gap="s3">
        <CodeField
          label={t('verify.code')}
          help={t('verify.help', { time: clockWords(left) })}
          length={8}
          value={code}
          onChange={(digits) => {
            setCode(digits);
            if (digits !== '') verify.clear();
          }}
          onComplete={(digits) => void submit(digits)}
          error={verify.words.fields.code ?? verify.words.form}
          busy={verify.busy}
          autoFocus
          testID="mail-code"
        />
      </Box>
      <Resend id={pending.id} />
      <Text variant="label" weight={400} tone="tertiary">
        {t('verify.nothing')}
      </Text>
    </Box>
  );
}

export function VerifyScreen({ pending, onBack, onAgain }: VerifyScreenProps) {
  const left = useSecondsLeft(pending.endsAt);
  const again = () => {
    void dropRegistration();
    onAgain();
  };
  return (
    <AuthPage
      title={t('verify.title')}
      lead={t('verify.lead', { email: pending.email })}
      step={{ at: 1, of: 2 }}
      other={left > 0 ? { title: t('verify.other'), onPress: again } : undefined}
      onBack={onBack}
      testID="verify"
    >
      {left > 0 ? (
        <Waiting pending={pending} />
      ) : (
        <Box gap="s4">
          <Notice kind="warning" title={t('verify.ended.title')} text={t('verify.ended.text')} />
          <Button title={t('verify.again')} onPress={again} testID="verify-again" />
        </Box>
      )}
    </AuthPage>
  );
}
