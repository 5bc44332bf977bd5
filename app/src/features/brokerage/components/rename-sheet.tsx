/** A name of one's own for a connection, so that two logins at one brokerage can be told apart. */
import { useState } from 'react';

import type { Connection } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Field } from '@/design/field';
import { FormError } from '@/design/form-error';
import { Sheet } from '@/design/sheet';
import { renameConnection } from '@/features/brokerage/api';
import { t } from '@/i18n/t';

const LABEL_LENGTH_MAX = 80;

export function RenameSheet({ connection, onClose }: RenameSheetProps) {
  const [label, setLabel] = useState(connection.label);
  const save = useAction<void>(() => renameConnection(connection.id, label), ['label']);
  const go = async () => {
    if (await save.run()) onClose();
  };
  return (
    <Sheet open onClose={onClose} title={t('connection.rename')} closeLabel={t('action.cancel')}>
      <Box gap="s4">
        <Field
          label={t('connection.name')}
          help={t('connection.name.help')}
          value={label}
          onChange={setLabel}
          error={save.words.fields.label}
          autoComplete="off"
          capitalize="words"
          maxLength={LABEL_LENGTH_MAX}
          onSubmit={() => void go()}
          testID="connection-name"
        />
        <FormError text={save.words.form} />
        <Button
          title={t('action.save')}
          onPress={() => void go()}
          busy={save.busy}
          disabled={label.trim() === ''}
          testID="save-name"
        />
      </Box>
    </Sheet>
  );
}

interface RenameSheetProps {
  connection: Connection;
  onClose: () => void;
}
