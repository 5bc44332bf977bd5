/** Statements from files: one is chosen and previewed; earlier ones can be looked at and undone. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { FileImportHead } from '@/api/types';
import { Loaded } from '@/api/loaded';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { ChoiceList } from '@/design/choice-list';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { Page, Section } from '@/design/page';
import { LinkRow } from '@/design/setting-row';
import { Sheet } from '@/design/sheet';
import { Text } from '@/design/text';
import { importsQuery, uploadImport } from '@/features/brokerage/import-api';
import {
  countOf,
  FILE_BYTES_MAX,
  FORMATS,
  formatWords,
  importState,
  sizeWords,
  type FormatChoice,
} from '@/features/brokerage/import-model';
import { t } from '@/i18n/t';
import { chooseFile, type ChosenFile } from '@/lib/choose-file';
import { shortDate } from '@/lib/dates';

export interface ImportsScreenProps {
  onBack: () => void;
  onOpen: (importId: string) => void;
}

function ImportRow({
  each,
  last,
  onOpen,
}: {
  each: FileImportHead;
  last: boolean;
  onOpen: () => void;
}) {
  const { key, tone } = importState(each.state);
  const counts = t('import.counts', {
    count: countOf('new', each.counts),
    of: countOf('all', each.counts),
  });
  return (
    <LinkRow
      icon={icons.file}
      title={each.file_name}
      text={[formatWords(each.format), counts, shortDate(each.created_at)].join(' · ')}
      value={t(key)}
      valueTone={tone}
      last={last}
      onPress={onOpen}
      testID={`import-${each.id}`}
    />
  );
}

/** Null where the file can be sent, else why not. */
function refusal({ name, size }: ChosenFile): string | null {
  if (size === 0) return t('import.empty', { name });
  if (size <= FILE_BYTES_MAX) return null;
  return t('import.too.big', { name, size: sizeWords(size), most: sizeWords(FILE_BYTES_MAX) });
}

function FormatRow({ format, onChange }: FormatRowProps) {
  const [open, setOpen] = useState(false);
  const choose = (next: FormatChoice) => {
    onChange(next);
    setOpen(false);
  };
  return (
    <Card>
      <LinkRow
        last
        icon={icons.audit}
        title={t('import.format')}
        text={format === 'auto' ? t('import.format.auto.text') : t('import.formats')}
        value={formatWords(format)}
        onPress={() => setOpen(true)}
        testID="choose-format"
      />
      <Sheet
        open={open}
        onClose={() => setOpen(false)}
        title={t('import.format')}
        closeLabel={t('nav.close')}
      >
        <ChoiceList
          label={t('import.format')}
          choices={FORMATS.map((value) => ({ value, title: formatWords(value) }))}
          value={format}
          onChange={choose}
        />
      </Sheet>
    </Card>
  );
}

interface FormatRowProps {
  format: FormatChoice;
  onChange: (format: FormatChoice) => void;
}

function Choose({ format, onOpen }: { format: FormatChoice; onOpen: (id: string) => void }) {
  const [name, setName] = useState('');
  const [refused, setRefused] = useState<string | null>(null);
  const send = useAction<ChosenFile>(async (file) => onOpen((await uploadImport(file, format)).id));
  const chosen = (file: ChosenFile | null) => {
    if (file === null) return;
    const why = refusal(file);
    setRefused(why);
    setName(file.name);
    if (why === null) void send.run(file);
  };
  // A window that was closed may never say so: choosing again is always possible.
  const choose = () => void chooseFile().then(chosen, () => setRefused(t('import.choose.failed')));
  return (
    <Box gap="s2">
      <FormError text={refused ?? send.words.form} />
      <Button
        icon={icons.file}
        title={send.busy ? t('import.reading', { name }) : t('import.choose')}
        onPress={choose}
        busy={send.busy}
        testID="choose-file"
      />
    </Box>
  );
}

export function ImportsScreen({ onBack, onOpen }: ImportsScreenProps) {
  const query = useQuery(importsQuery);
  const [format, setFormat] = useState<FormatChoice>('auto');
  return (
    <Page
      title={t('import.title')}
      lead={t('import.lead')}
      onBack={onBack}
      onRefresh={() => void query.refetch()}
      refreshing={query.isRefetching}
      testID="imports"
      dock={<Choose format={format} onOpen={onOpen} />}
    >
      <FormatRow format={format} onChange={setFormat} />
      <Section title={t('import.past')}>
        <Loaded query={query} rows={2}>
          {({ imports }) =>
            imports.length === 0 ? (
              <Text tone="secondary">{t('import.past.none')}</Text>
            ) : (
              <Card>
                {imports.map((each, index) => (
                  <ImportRow
                    key={each.id}
                    each={each}
                    last={index === imports.length - 1}
                    onOpen={() => onOpen(each.id)}
                  />
                ))}
              </Card>
            )
          }
        </Loaded>
      </Section>
    </Page>
  );
}
