/** Who is signed in, with the name to be changed in place. */
import { useState } from 'react';

import { renameUser } from '@/api/preferences';
import type { User } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { Button, IconButton } from '@/design/button';
import { Card } from '@/design/card';
import { Field } from '@/design/field';
import { icons } from '@/design/icons';
import { Text } from '@/design/text';
import { initials, roleKey } from '@/features/account/model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';

function Rename({ user, onDone }: { user: User; onDone: () => void }) {
  const [name, setName] = useState(user.display_name);
  const rename = useAction<void>(() => renameUser(name), ['display_name']);
  const submit = () => void rename.run().then((worked) => worked && onDone());
  return (
    <Box gap="s3">
      <Field
        label={t('auth.name')}
        value={name}
        onChange={setName}
        error={rename.words.fields.display_name ?? rename.words.form}
        autoComplete="name"
        capitalize="words"
        maxLength={80}
        autoFocus
        onSubmit={submit}
        testID="name"
      />
      <Row gap="s3">
        <Button grow kind="outlined" title={t('action.cancel')} onPress={onDone} />
        <Button
          grow
          title={t('action.save')}
          onPress={submit}
          busy={rename.busy}
          testID="save-name"
        />
      </Row>
    </Box>
  );
}

export function AccountCard({ user }: { user: User }) {
  const [renaming, setRenaming] = useState(false);
  return (
    <Card pad="s4" gap="s4">
      <Row gap="s3">
        <Box width={48} height={48} radius="md" surface="s3" align="center" justify="center">
          <Text variant="title3">{initials(user)}</Text>
        </Box>
        <Box flex={1}>
          <Text variant="title3" lines={1} testID="account-name">
            {user.display_name || user.email}
          </Text>
          <Text variant="label" tone="secondary" lines={1} testID="account-email">
            {user.email}
          </Text>
          <Text variant="caption" tone="tertiary">
            {t(roleKey(user.role), { date: shortDate(user.created_at) })}
          </Text>
        </Box>
        <IconButton
          icon={icons.edit}
          label={t('you.rename')}
          onPress={() => setRenaming(!renaming)}
          testID="rename"
        />
      </Row>
      {renaming ? <Rename user={user} onDone={() => setRenaming(false)} /> : null}
    </Card>
  );
}
