/** Every connection with its accounts: how it is, how old its numbers are, and the way back in. */
import { useState } from 'react';

import type { Connection } from '@/api/types';
import { Loaded } from '@/api/loaded';
import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { Button, IconButton } from '@/design/button';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { EmptyState } from '@/design/message';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { Text } from '@/design/text';
import { syncAll, useConnections } from '@/features/brokerage/api';
import { ConnectSheet } from '@/features/brokerage/components/connect-sheet';
import { ConnectionCard } from '@/features/brokerage/components/connection-card';
import { SummaryHead } from '@/features/brokerage/components/summary';
import { reconnectTarget } from '@/features/brokerage/connect-model';
import { needsSignIn, sortedConnections } from '@/features/brokerage/model';
import { t } from '@/i18n/t';

export interface BrokeragesScreenProps {
  onBack: () => void;
  onAdd: () => void;
  onImport: () => void;
  onOpen: (connectionId: string) => void;
}

interface CardsProps {
  connections: readonly Connection[];
  onOpen: (connectionId: string) => void;
  onReconnect: (connection: Connection) => void;
}

function Cards({ connections, onOpen, onReconnect }: CardsProps) {
  const sorted = sortedConnections(connections);
  const first = sorted.find(needsSignIn);
  return (
    <Box gap="s3">
      {sorted.map((each) => (
        <ConnectionCard
          key={each.id}
          connection={each}
          first={each === first}
          onOpen={() => onOpen(each.id)}
          onReconnect={() => onReconnect(each)}
        />
      ))}
      <Text variant="caption" tone="tertiary" align="center">
        {t('brokerage.et')}
      </Text>
    </Box>
  );
}

function Dock({ onAdd, onImport }: Pick<BrokeragesScreenProps, 'onAdd' | 'onImport'>) {
  return (
    <Row gap="s2">
      <Button
        grow
        kind="outlined"
        icon={icons.plus}
        title={t('brokerage.add')}
        onPress={onAdd}
        testID="add-brokerage"
      />
      <IconButton
        boxed
        icon={icons.file}
        label={t('brokerage.import')}
        onPress={onImport}
        testID="open-import"
      />
    </Row>
  );
}

export function BrokeragesScreen({ onBack, onAdd, onImport, onOpen }: BrokeragesScreenProps) {
  const query = useConnections();
  const sync = useAction<void>(syncAll);
  const [again, setAgain] = useState<Connection | null>(null);
  const connections = query.data?.connections ?? [];
  const some = connections.length > 0;
  return (
    <Page
      title={t('brokerage.title')}
      onBack={onBack}
      onRefresh={() => void sync.run()}
      refreshing={sync.busy}
      testID="brokerages"
      trailing={
        some ? (
          <IconButton
            icon={icons.sync}
            label={t('brokerage.sync.all')}
            onPress={() => void sync.run()}
            testID="sync-all"
          />
        ) : undefined
      }
      dock={some ? <Dock onAdd={onAdd} onImport={onImport} /> : undefined}
    >
      {some && query.error !== null ? (
        <Notice kind="warning" text={t('brokerage.offline')} testID="brokerages-offline" />
      ) : null}
      <FormError text={sync.words.form} />
      <Loaded query={query}>
        {(data) =>
          data.connections.length === 0 ? (
            <EmptyState
              title={t('brokerage.none')}
              text={t('brokerage.none.text')}
              action={{ title: t('brokerage.add'), onPress: onAdd }}
              second={{ title: t('brokerage.import'), onPress: onImport }}
            />
          ) : (
            <>
              <SummaryHead connections={data.connections} />
              <Cards connections={data.connections} onOpen={onOpen} onReconnect={setAgain} />
            </>
          )
        }
      </Loaded>
      {again === null ? null : (
        <ConnectSheet
          key={again.id}
          target={reconnectTarget(again)}
          onClose={() => setAgain(null)}
          onConnected={() => setAgain(null)}
        />
      )}
    </Page>
  );
}
