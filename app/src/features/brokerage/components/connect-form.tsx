/** What is typed to connect: a broker's fields, or the code that its page shows. */
import type { SignInField } from '@/api/types';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Field } from '@/design/field';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { Notice } from '@/design/notice';
import { PasswordField } from '@/design/password-field';
import { Text } from '@/design/text';
import { fieldsOf, type ConnectTarget } from '@/features/brokerage/connect-model';
import type { Connecting } from '@/features/brokerage/use-connect';
import { t } from '@/i18n/t';
import { clockWords, useSecondsLeft } from '@/lib/countdown';
import { openPage } from '@/lib/open-page';

const VALUE_LENGTH_MAX = 2_048;

interface FormProps {
  target: ConnectTarget;
  connecting: Connecting;
}

function Typed({ field, connecting }: { field: SignInField; connecting: Connecting }) {
  const { typed, missing, send, submit, type } = connecting;
  const shared = {
    label: field.label,
    value: typed[field.name] ?? '',
    onChange: (text: string) => type(field.name, text),
    error:
      send.words.fields[field.name] ?? (missing.includes(field.name) ? t('connect.empty') : null),
    help: field.help || undefined,
    onSubmit: submit,
    maxLength: VALUE_LENGTH_MAX,
    testID: `field-${field.name}`,
  };
  // A browser offers to keep what it takes for the password of a site; a key of a broker is none.
  return field.concealed ? (
    <PasswordField {...shared} kept={false} />
  ) : (
    <Field {...shared} autoComplete="off" />
  );
}

function Expired({ connecting }: { connecting: Connecting }) {
  return (
    <Box gap="s4">
      <Notice kind="warning" text={t('connect.expired')} testID="connect-expired" />
      <Button title={t('connect.restart')} onPress={connecting.restart} testID="connect-restart" />
    </Box>
  );
}

function Fields({ target, connecting, endsAt }: FormProps & { endsAt: number }) {
  const left = useSecondsLeft(endsAt);
  const { open, send, submit, restart } = connecting;
  if (open === null) return null;
  // A code belongs to the page that showed it: after a refusal another page has to be opened.
  const over = left === 0 || (open.spent && open.begun.copies_code && !send.busy);
  if (left === 0) return <Expired connecting={connecting} />;
  const url = open.begun.url;
  return (
    <Box gap="s4" testID="connect-form">
      <Text tone="secondary">
        {t(url === null ? 'connect.form.lead' : 'connect.code.lead', { name: target.label })}
      </Text>
      {url === null ? null : (
        <Button
          kind="outlined"
          icon={icons.external}
          title={t('connect.code.open', { name: target.label })}
          onPress={() => void openPage(url)}
          testID="connect-open"
        />
      )}
      {fieldsOf(open.begun).map((field) => (
        <Typed key={field.name} field={field} connecting={connecting} />
      ))}
      <FormError text={send.words.form} />
      <Button
        title={t(over ? 'connect.restart' : 'connect.submit')}
        onPress={over ? restart : submit}
        busy={send.busy}
        testID="connect-submit"
      />
      <Text variant="caption" tone="tertiary" align="center" numeric>
        {t('connect.left', { time: clockWords(left) })}
      </Text>
    </Box>
  );
}

export function ConnectForm({ target, connecting }: FormProps) {
  const { open } = connecting;
  if (open === null) return null;
  return <Fields target={target} connecting={connecting} endsAt={open.endsAt} />;
}
