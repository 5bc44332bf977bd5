/** One's own data: taking a copy along, and deleting everything. */
import { useState } from 'react';

import type { User } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Field } from '@/design/field';
import { FormError } from '@/design/form-error';
import { Icon, type IconShape } from '@/design/icon';
import { icons } from '@/design/icons';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { Text } from '@/design/text';
import { deleteAccount, exportData } from '@/features/security/api';
import { sameAddress } from '@/features/security/model';
import { t } from '@/i18n/t';
import { saveFile } from '@/lib/save-file';

function Fact({ icon, text, danger }: { icon: IconShape; text: string; danger?: boolean }) {
  return (
    <Row gap="s3" align="flex-start">
      <Icon of={icon} tone={danger ? 'danger' : 'accent'} />
      <Box flex={1}>
        <Text tone="secondary">{text}</Text>
      </Box>
    </Row>
  );
}

export function ExportScreen({ onBack }: { onBack: () => void }) {
  const [saved, setSaved] = useState(false);
  const save = useAction<void>(async () => {
    setSaved(await saveFile('optix-my-data.json', await exportData(), 'application/json'));
  });
  return (
    <Page title={t('export.title')} lead={t('export.lead')} onBack={onBack} testID="export">
      <Box gap="s3">
        <Fact icon={icons.you} text={t('export.fact.account')} />
        <Fact icon={icons.monitor} text={t('export.fact.sessions')} />
        <Fact icon={icons.lock} text={t('export.fact.secrets')} />
      </Box>
      {saved ? <Notice kind="done" text={t('export.done')} testID="export-done" /> : null}
      <FormError text={save.words.form} />
      <Button
        icon={icons.download}
        title={t('export.submit')}
        onPress={() => void save.run()}
        busy={save.busy}
        testID="submit"
      />
    </Page>
  );
}

export interface DeleteScreenProps {
  user: User;
  onBack: () => void;
  onExport: () => void;
}

export function DeleteScreen({ user, onBack, onExport }: DeleteScreenProps) {
  const [typed, setTyped] = useState('');
  const remove = useAction<void>(deleteAccount);
  const ready = sameAddress(typed, user.email);
  return (
    <Page title={t('delete.title')} lead={t('delete.lead')} onBack={onBack} testID="delete-account">
      <Box gap="s3">
        <Fact danger icon={icons.remove} text={t('delete.fact.data')} />
        <Fact danger icon={icons.monitor} text={t('delete.fact.sessions')} />
        <Fact danger icon={icons.clock} text={t('delete.fact.final')} />
      </Box>
      <Button kind="text" title={t('delete.export')} onPress={onExport} />
      <Field
        label={t('delete.confirm')}
        value={typed}
        onChange={setTyped}
        help={t('delete.confirm.help', { email: user.email })}
        autoComplete="off"
        keyboard="email-address"
        maxLength={254}
        testID="delete-confirm"
      />
      <FormError text={remove.words.form} />
      <Button
        kind="outlined"
        tone="danger"
        title={t('delete.submit')}
        onPress={() => void remove.run()}
        disabled={!ready}
        busy={remove.busy}
        testID="delete-now"
      />
    </Page>
  );
}
