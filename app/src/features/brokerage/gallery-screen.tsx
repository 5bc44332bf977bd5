/** Every brokerage this server can connect to, and the sheet that connects one. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { Brokerage } from '@/api/types';
import { Loaded } from '@/api/loaded';
import { Row } from '@/design/box';
import { Field } from '@/design/field';
import { EmptyState } from '@/design/message';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { offeredQuery } from '@/features/brokerage/api';
import { ConnectSheet } from '@/features/brokerage/components/connect-sheet';
import { GalleryCard } from '@/features/brokerage/components/gallery-card';
import { targetOf } from '@/features/brokerage/connect-model';
import { found, mayAdd } from '@/features/brokerage/gallery-model';
import { t } from '@/i18n/t';

export interface GalleryScreenProps {
  onBack: () => void;
  onImport: () => void;
  onConnected: (connectionId: string) => void;
}

interface ListProps {
  brokerages: readonly Brokerage[];
  search: string;
  onChoose: (brokerage: Brokerage) => void;
  onImport: () => void;
}

function List({ brokerages, search, onChoose, onImport }: ListProps) {
  const shown = found(brokerages, search);
  const file = { title: t('brokerage.import'), onPress: onImport };
  if (brokerages.length === 0) {
    return <EmptyState title={t('gallery.empty')} text={t('gallery.empty.text')} action={file} />;
  }
  if (shown.length === 0) {
    return <EmptyState title={t('gallery.none')} text={t('gallery.none.text')} second={file} />;
  }
  return (
    <Row wrap gap="s3" align="stretch">
      {shown.map((each) => (
        <GalleryCard key={each.name} brokerage={each} onPress={() => onChoose(each)} />
      ))}
    </Row>
  );
}

export function GalleryScreen({ onBack, onImport, onConnected }: GalleryScreenProps) {
  const offered = useQuery(offeredQuery);
  const [search, setSearch] = useState('');
  const [chosen, setChosen] = useState<Brokerage | null>(null);
  const full = chosen !== null && !mayAdd(chosen);
  return (
    <Page
      wide
      title={t('gallery.title')}
      lead={t('gallery.lead')}
      onBack={onBack}
      onRefresh={() => void offered.refetch()}
      refreshing={offered.isRefetching}
      testID="gallery"
      dock={
        <Field
          label={t('gallery.search')}
          value={search}
          onChange={setSearch}
          autoComplete="off"
          maxLength={64}
          testID="gallery-search"
        />
      }
    >
      {full ? <Notice kind="info" text={t('connect.limit', { name: chosen.label })} /> : null}
      <Loaded query={offered} rows={6}>
        {({ brokerages }) => (
          <List brokerages={brokerages} search={search} onChoose={setChosen} onImport={onImport} />
        )}
      </Loaded>
      {chosen !== null && !full ? (
        <ConnectSheet
          key={chosen.name}
          target={targetOf(chosen)}
          onClose={() => setChosen(null)}
          onConnected={({ id }) => {
            setChosen(null);
            onConnected(id);
          }}
        />
      ) : null}
    </Page>
  );
}
