/** Ending a connection: what happens to its history is chosen first, and deleting is confirmed. */
import { useState } from 'react';

import type { Connection } from '@/api/types';
import { stepUpStore } from '@/api/step-up';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { ChoiceList } from '@/design/choice-list';
import { FormError } from '@/design/form-error';
import { SwitchRow } from '@/design/setting-row';
import { Sheet } from '@/design/sheet';
import { Text } from '@/design/text';
import { disconnect, type HistoryChoice } from '@/features/brokerage/api';
import { t } from '@/i18n/t';
import { useStore } from '@/lib/external-store';

export interface DisconnectSheetProps {
  connection: Connection;
  onClose: () => void;
  onDone: () => void;
}

const CHOICES = [
  { value: 'keep', title: t('disconnect.keep'), text: t('disconnect.keep.text') },
  { value: 'delete', title: t('disconnect.delete'), text: t('disconnect.delete.text') },
] as const;

export function DisconnectSheet({ connection, onClose, onDone }: DisconnectSheetProps) {
  const [history, setHistory] = useState<HistoryChoice>('keep');
  const [sure, setSure] = useState(false);
  const asking = useStore(stepUpStore) !== null;
  const end = useAction<void>(() => disconnect(connection.id, history));
  const deletes = history === 'delete';
  const go = async () => {
    if (await end.run()) onDone();
  };
  return (
    <Sheet
      open={!asking}
      onClose={onClose}
      title={t('disconnect.title', { name: connection.label })}
      closeLabel={t('action.cancel')}
    >
      <Box gap="s4" testID="disconnect-sheet">
        <Text tone="secondary">{t('disconnect.lead')}</Text>
        <ChoiceList
          label={t('disconnect.history')}
          choices={CHOICES}
          value={history}
          onChange={setHistory}
        />
        {deletes ? (
          <Card>
            <SwitchRow
              last
              title={t('disconnect.confirm')}
              on={sure}
              onChange={setSure}
              testID="disconnect-sure"
            />
          </Card>
        ) : null}
        <FormError text={end.words.form} />
        <Button
          kind="outlined"
          tone="danger"
          title={t('connection.disconnect')}
          onPress={() => void go()}
          busy={end.busy}
          disabled={deletes && !sure}
          testID="disconnect-now"
        />
      </Box>
    </Sheet>
  );
}
