/** One file: what each of its rows would do, before anything is written; and the way back after. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { FileImport, ImportRow } from '@/api/types';
import { Loaded } from '@/api/loaded';
import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { MoreButton } from '@/design/more-button';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { Segmented } from '@/design/segmented';
import { SettingRow } from '@/design/setting-row';
import { Text } from '@/design/text';
import { ImportLine } from '@/features/brokerage/components/import-row';
import { confirmImport, importQuery, removeImport } from '@/features/brokerage/import-api';
import {
  accountsWords,
  countOf,
  FILTERS,
  formatWords,
  importState,
  rowsOf,
  type RowFilter,
} from '@/features/brokerage/import-model';
import { t } from '@/i18n/t';

export interface ImportScreenProps {
  id: string;
  onBack: () => void;
}

function Facts({ file }: { file: FileImport }) {
  const { key, tone } = importState(file.state);
  const found = [formatWords(file.format), file.broker_label].filter(Boolean).join(' · ');
  return (
    <Card testID="import-facts">
      <SettingRow name={t('import.file')} value={file.file_name} />
      <SettingRow name={t('import.found')} value={found} />
      <SettingRow name={t('import.account')} value={accountsWords(file.accounts)} />
      <SettingRow last name={t('connection.state')} value={t(key)} tone={tone} />
    </Card>
  );
}

function StateNotice({ file }: { file: FileImport }) {
  const fresh = countOf('new', file.counts);
  if (file.state === 'confirmed') {
    return <Notice kind="done" text={t('import.done', { count: fresh })} testID="import-done" />;
  }
  return <Notice kind="info" text={t(fresh === 0 ? 'import.nothing' : 'import.safe')} />;
}

function Rows({ file, rows }: { file: FileImport; rows: readonly ImportRow[] }) {
  const [filter, setFilter] = useState<RowFilter>('all');
  const shown = rowsOf(filter, rows);
  const count = countOf(filter, file.counts);
  const options = FILTERS.map(({ value, key }) => ({
    value,
    label: t(key, { count: countOf(value, file.counts) }),
  }));
  return (
    <Box gap="s3">
      <Segmented label={t('import.filter')} options={options} value={filter} onChange={setFilter} />
      {count === 0 ? <Text tone="secondary">{t('import.rows.none')}</Text> : null}
      {shown.length > 0 ? (
        <Card>
          {shown.map((row, index) => (
            <ImportLine key={`${row.line}-${index}`} row={row} last={index === shown.length - 1} />
          ))}
        </Card>
      ) : null}
      {shown.length < count ? (
        <Text variant="label" tone="tertiary" align="center" numeric testID="rows-part">
          {t('import.rows.part', { shown: shown.length, count })}
        </Text>
      ) : null}
    </Box>
  );
}

function Preview({ file, onBack }: { file: FileImport; onBack: () => void }) {
  const confirm = useAction<void>(() => confirmImport(file.id));
  const discard = useAction<void>(() => removeImport(file.id));
  const count = countOf('new', file.counts);
  const leave = async () => {
    if (await discard.run()) onBack();
  };
  return (
    <>
      <FormError text={confirm.words.form ?? discard.words.form} />
      <Row gap="s2">
        <Button
          kind="outlined"
          title={t('import.discard')}
          onPress={() => void leave()}
          busy={discard.busy}
          testID="import-discard"
        />
        <Button
          grow
          title={count === 1 ? t('import.confirm.one') : t('import.confirm', { count })}
          onPress={() => void confirm.run()}
          busy={confirm.busy}
          disabled={count === 0}
          testID="import-confirm"
        />
      </Row>
    </>
  );
}

/** What takes something away is pressed twice. */
function Undo({ file, onBack }: { file: FileImport; onBack: () => void }) {
  const [sure, setSure] = useState(false);
  const undo = useAction<void>(() => removeImport(file.id));
  const count = countOf('new', file.counts);
  const leave = async () => {
    if (await undo.run()) onBack();
  };
  if (!sure) {
    return (
      <Button
        kind="outlined"
        icon={icons.undo}
        title={t('import.undo')}
        onPress={() => setSure(true)}
        testID="import-undo"
      />
    );
  }
  return (
    <Box gap="s2">
      <Text variant="label" tone="secondary">
        {t('import.undo.text')}
      </Text>
      <FormError text={undo.words.form} />
      <Row gap="s2">
        <Button kind="outlined" title={t('import.keep')} onPress={() => setSure(false)} />
        <Button
          grow
          kind="outlined"
          tone="danger"
          title={t('import.undo.sure', { count })}
          onPress={() => void leave()}
          busy={undo.busy}
          testID="import-undo-now"
        />
      </Row>
    </Box>
  );
}

export function ImportScreen({ id, onBack }: ImportScreenProps) {
  const query = useInfiniteQuery(importQuery(id));
  const file = query.data?.pages[0];
  const dock =
    file?.state === 'preview' ? (
      <Preview file={file} onBack={onBack} />
    ) : file?.state === 'confirmed' ? (
      <Undo file={file} onBack={onBack} />
    ) : undefined;
  return (
    <Page
      title={t('import.preview')}
      onBack={onBack}
      onRefresh={() => void query.refetch()}
      refreshing={query.isRefetching}
      testID="import"
      dock={dock}
    >
      <Loaded query={query} rows={6}>
        {({ pages }) =>
          file === undefined ? null : (
            <>
              <StateNotice file={file} />
              <Facts file={file} />
              <Rows file={file} rows={pages.flatMap((page) => page.rows)} />
              <MoreButton list={query} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
