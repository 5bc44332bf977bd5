/** One passkey: where it lives, when it was used, a new name, or its end. */
import { useState } from 'react';

import type { Passkey } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { Button, IconButton } from '@/design/button';
import { Card } from '@/design/card';
import { Field } from '@/design/field';
import { FormError } from '@/design/form-error';
import { Icon } from '@/design/icon';
import { icons } from '@/design/icons';
import { Text } from '@/design/text';
import { removePasskey, renamePasskey } from '@/features/security/api';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';

const NAME_LENGTH_MAX = 80;

function Rename({ passkey, onDone }: { passkey: Passkey; onDone: () => void }) {
  const [name, setName] = useState(passkey.name);
  const rename = useAction<void>(() => renamePasskey(passkey.id, name), ['name']);
  const empty = name.trim() === '';
  const submit = () => {
    if (!empty) void rename.run().then((worked) => worked && onDone());
  };
  return (
    <Box gap="s3">
      <Field
        label={t('passkeys.name')}
        value={name}
        onChange={setName}
        error={empty ? t('passkeys.name.empty') : (rename.words.fields.name ?? rename.words.form)}
        capitalize="sentences"
        maxLength={NAME_LENGTH_MAX}
        autoFocus
        onSubmit={submit}
        testID="passkey-name"
      />
      <Row gap="s3">
        <Button grow kind="outlined" title={t('action.cancel')} onPress={onDone} />
        <Button
          grow
          title={t('action.save')}
          onPress={submit}
          busy={rename.busy}
          testID="passkey-save"
        />
      </Row>
    </Box>
  );
}

function Facts({ passkey }: { passkey: Passkey }) {
  const used =
    passkey.last_used_at === null
      ? t('passkeys.unused')
      : t('passkeys.used', { date: shortDate(passkey.last_used_at) });
  return (
    <Box flex={1}>
      <Text weight={600} lines={2} testID="passkey-title">
        {passkey.name}
      </Text>
      <Text variant="label" weight={400} tone="secondary">
        {t('passkeys.added', { date: shortDate(passkey.created_at) })} · {used}
      </Text>
      <Text variant="label" weight={400} tone="tertiary">
        {t(passkey.synced ? 'passkeys.synced' : 'passkeys.bound')}
      </Text>
    </Box>
  );
}

export function PasskeyCard({ passkey }: { passkey: Passkey }) {
  const [mode, setMode] = useState<'shown' | 'renaming' | 'removing'>('shown');
  const remove = useAction<void>(() => removePasskey(passkey.id));
  return (
    <Card pad="s4" gap="s3" testID="passkey">
      <Row gap="s3" align="flex-start">
        <Icon of={icons.fingerprint} tone="accent" />
        <Facts passkey={passkey} />
        <IconButton
          icon={icons.edit}
          label={t('passkeys.rename', { name: passkey.name })}
          onPress={() => setMode(mode === 'renaming' ? 'shown' : 'renaming')}
          testID="rename-passkey"
        />
        <IconButton
          icon={icons.remove}
          label={t('passkeys.remove', { name: passkey.name })}
          onPress={() => setMode(mode === 'removing' ? 'shown' : 'removing')}
          testID="remove-passkey"
        />
      </Row>
      {passkey.suspect ? (
        <Text variant="label" tone="warning">
          {t('passkeys.suspect')}
        </Text>
      ) : null}
      {mode === 'renaming' ? <Rename passkey={passkey} onDone={() => setMode('shown')} /> : null}
      {mode === 'removing' ? (
        <Box gap="s3">
          <Text variant="label" weight={400} tone="secondary">
            {t('passkeys.remove.text')}
          </Text>
          <Row gap="s3">
            <Button
              grow
              kind="outlined"
              title={t('action.cancel')}
              onPress={() => setMode('shown')}
            />
            <Button
              grow
              kind="outlined"
              tone="danger"
              title={t('action.remove')}
              onPress={() => void remove.run()}
              busy={remove.busy}
              testID="remove-passkey-now"
            />
          </Row>
        </Box>
      ) : null}
      <FormError text={remove.words.form} />
    </Card>
  );
}
