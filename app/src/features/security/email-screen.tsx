/** Another address: a code goes to the new one, a notice to the old one. */
import { useState } from 'react';

import type { User } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { CodeField } from '@/design/code-field';
import { Field } from '@/design/field';
import { FormError } from '@/design/form-error';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { SettingRow } from '@/design/setting-row';
import { Text } from '@/design/text';
import { beginEmailChange, confirmEmailChange } from '@/features/security/api';
import { t } from '@/i18n/t';
import { looksLikeEmail } from '@/lib/account-input';
import { clockWords, useSecondsLeft } from '@/lib/countdown';

export interface EmailScreenProps {
  user: User;
  onBack: () => void;
}

interface Begun {
  id: string;
  email: string;
  endsAt: number;
}

function Ask({ onBegun }: { onBegun: (begun: Begun) => void }) {
  const [email, setEmail] = useState('');
  const [bad, setBad] = useState(false);
  const begin = useAction<void>(async () => {
    const started = await beginEmailChange(email);
    const endsAt = Date.parse(started.expires_at);
    onBegun({ id: started.change_id, email: email.trim(), endsAt });
  }, ['email']);
  const submit = () => {
    const ok = looksLikeEmail(email);
    setBad(!ok);
    if (ok) void begin.run();
  };
  return (
    <Box gap="s4">
      <Field
        label={t('email.new')}
        value={email}
        onChange={setEmail}
        error={bad ? t('auth.error.email') : begin.words.fields.email}
        autoComplete="email"
        keyboard="email-address"
        maxLength={254}
        onSubmit={submit}
        testID="email"
      />
      <FormError text={begin.words.form} />
      <Button title={t('email.submit')} onPress={submit} busy={begin.busy} testID="submit" />
    </Box>
  );
}

function Confirm({ begun, onDone }: { begun: Begun; onDone: () => void }) {
  const [code, setCode] = useState('');
  const left = useSecondsLeft(begun.endsAt);
  const confirm = useAction<string>((digits) => confirmEmailChange(begun.id, digits), ['code']);
  const submit = async (digits: string) => {
    if (await confirm.run(digits)) onDone();
    else setCode('');
  };
  return (
    <Box gap="s4">
      <Text tone="secondary">{t('verify.lead', { email: begun.email })}</Text>
      <CodeField
        label={t('verify.code')}
        help={t('verify.help', { time: clockWords(left) })}
        length={8}
        value={code}
        onChange={(digits) => {
          setCode(digits);
          if (digits !== '') confirm.clear();
        }}
        onComplete={(digits) => void submit(digits)}
        error={confirm.words.fields.code ?? confirm.words.form}
        busy={confirm.busy}
        autoFocus
        testID="mail-code"
      />
    </Box>
  );
}

export function EmailScreen({ user, onBack }: EmailScreenProps) {
  const [begun, setBegun] = useState<Begun | null>(null);
  const [done, setDone] = useState(false);
  return (
    <Page title={t('email.title')} lead={t('email.lead')} onBack={onBack} testID="change-email">
      {done ? <Notice kind="done" text={t('email.done')} testID="email-done" /> : null}
      <Card>
        <SettingRow last name={t('email.now')} value={user.email} testID="email-now" />
      </Card>
      {begun === null ? (
        <Ask onBegun={setBegun} />
      ) : (
        <Confirm
          begun={begun}
          onDone={() => {
            setBegun(null);
            setDone(true);
          }}
        />
      )}
    </Page>
  );
}
