/** One connection: its health, its accounts, and everything that can be done with it. */
import { useState } from 'react';

import type { Connection } from '@/api/types';
import { Loaded } from '@/api/loaded';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { Chip } from '@/design/chip';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { EmptyState } from '@/design/message';
import { Notice } from '@/design/notice';
import { Page, Section } from '@/design/page';
import { LinkRow, SettingRow } from '@/design/setting-row';
import { Text } from '@/design/text';
import { syncConnection, useConnections } from '@/features/brokerage/api';
import { AccountRow } from '@/features/brokerage/components/account-row';
import { ConnectSheet } from '@/features/brokerage/components/connect-sheet';
import { ConnectionHead } from '@/features/brokerage/components/connection-head';
import { DisconnectSheet } from '@/features/brokerage/components/disconnect-sheet';
import { RenameSheet } from '@/features/brokerage/components/rename-sheet';
import { SyncMeter } from '@/features/brokerage/components/sync-meter';
import { reconnectTarget } from '@/features/brokerage/connect-model';
import { signInKey } from '@/features/brokerage/gallery-model';
import { momentText, needsSignIn, stateWords } from '@/features/brokerage/model';
import { t } from '@/i18n/t';
import { age } from '@/lib/format';
import { useNow } from '@/lib/now';

export interface ConnectionScreenProps {
  id: string;
  onBack: () => void;
  onLog: () => void;
  onGone: () => void;
}

type Open = 'reconnect' | 'rename' | 'disconnect' | null;

function Health({ connection }: { connection: Connection }) {
  const now = useNow();
  const { login_ends: ends, failing_since: since, state } = connection;
  const said = stateWords(connection, now);
  const { last_sync_at: last, next_sync_at: next } = connection;
  return (
    <Card testID="connection-health">
      <SettingRow
        name={t('connection.state')}
        value={t(`connection.state.${state}`)}
        tone={said.tone}
      />
      <SettingRow
        name={t('connection.ends')}
        value={ends === null ? t('connection.ends.never') : momentText(ends, now)}
      />
      {since === null ? null : (
        <SettingRow name={t('connection.since')} value={momentText(since, now)} tone="warning" />
      )}
      <SettingRow
        name={t('connection.last')}
        value={
          last === null
            ? t('connection.never')
            : t('brokerage.ago', { age: age(now - Date.parse(last)) })
        }
      />
      {state === 'disconnected' ? null : (
        <SettingRow
          name={t('connection.next')}
          value={next === null ? t('connection.next.none') : momentText(next, now)}
        />
      )}
      <SettingRow last name={t('connection.signin')} value={t(signInKey(connection.sign_in))} />
    </Card>
  );
}

function Accounts({ connection }: { connection: Connection }) {
  const { accounts } = connection;
  if (accounts.length === 0) {
    const read = connection.last_sync_at !== null;
    return (
      <Text tone="secondary">
        {t(read ? 'connection.accounts.empty' : 'connection.accounts.none')}
      </Text>
    );
  }
  return (
    <Card>
      {accounts.map((account, index) => (
        <AccountRow
          key={account.id}
          detailed
          marked={connection.simulated}
          account={account}
          last={index === accounts.length - 1}
        />
      ))}
    </Card>
  );
}

interface PartProps {
  connection: Connection;
  onOpen: (what: Open) => void;
}

function Doing({ connection, onOpen }: PartProps) {
  const sync = useAction<void>(() => syncConnection(connection.id));
  const { state, problem } = connection;
  if (state === 'disconnected') return <Notice kind="info" text={t('brokerage.kept')} />;
  const words = problem === null ? [] : [problem.next_step, t('brokerage.stale.text')];
  return (
    <Box gap="s3">
      {problem === null ? null : (
        <Notice
          kind="warning"
          title={problem.detail}
          text={words.filter(Boolean).join(' ')}
          testID="connection-problem"
        />
      )}
      <SyncMeter connection={connection} />
      {needsSignIn(connection) ? (
        <Button
          title={t('brokerage.reconnect')}
          onPress={() => onOpen('reconnect')}
          testID="reconnect"
        />
      ) : null}
      {state === 'sign_in_needed' ? null : (
        <Button
          kind="outlined"
          icon={icons.sync}
          title={t('connection.sync')}
          onPress={() => void sync.run()}
          busy={sync.busy}
          testID="sync-now"
        />
      )}
      <FormError text={sync.words.form} />
    </Box>
  );
}

function More({ connection, onOpen, onLog }: PartProps & { onLog: () => void }) {
  const held = connection.state !== 'disconnected';
  return (
    <Card>
      <LinkRow
        icon={icons.audit}
        title={t('connection.log')}
        text={t('connection.log.row')}
        last={!held}
        onPress={onLog}
        testID="open-log"
      />
      {held ? (
        <>
          <LinkRow
            icon={icons.edit}
            title={t('connection.rename')}
            text={t('connection.name.help')}
            onPress={() => onOpen('rename')}
            testID="rename"
          />
          <LinkRow
            last
            icon={icons.unplug}
            tone="danger"
            title={t('connection.disconnect')}
            text={t('connection.disconnect.row')}
            onPress={() => onOpen('disconnect')}
            testID="disconnect"
          />
        </>
      ) : null}
    </Card>
  );
}

function Body({ connection, onLog, onGone }: BodyProps) {
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  return (
    <>
      <Box gap="s3">
        <ConnectionHead connection={connection} />
        {connection.simulated ? (
          <Box row>
            <Chip tone="simulated" text={t('fresh.simulated')} />
          </Box>
        ) : null}
      </Box>
      <Doing connection={connection} onOpen={setOpen} />
      <Section title={t('connection.accounts')}>
        <Accounts connection={connection} />
      </Section>
      <Section title={t('connection.health')} note={t('brokerage.et')}>
        <Health connection={connection} />
      </Section>
      <Section title={t('connection.more')}>
        <More connection={connection} onOpen={setOpen} onLog={onLog} />
      </Section>
      {open === 'reconnect' ? (
        <ConnectSheet target={reconnectTarget(connection)} onClose={close} onConnected={close} />
      ) : null}
      {open === 'rename' ? <RenameSheet connection={connection} onClose={close} /> : null}
      {open === 'disconnect' ? (
        <DisconnectSheet connection={connection} onClose={close} onDone={onGone} />
      ) : null}
    </>
  );
}

type BodyProps = Omit<PartProps, 'onOpen'> & Pick<ConnectionScreenProps, 'onLog' | 'onGone'>;

export function ConnectionScreen({ id, onBack, onLog, onGone }: ConnectionScreenProps) {
  const query = useConnections();
  const connection = query.data?.connections.find((each) => each.id === id);
  return (
    <Page
      title={connection?.provider_label ?? t('connection.title')}
      onBack={onBack}
      onRefresh={() => void query.refetch()}
      refreshing={query.isRefetching}
      testID="connection"
    >
      {query.data !== undefined && query.error !== null ? (
        <Notice kind="warning" text={t('brokerage.offline')} />
      ) : null}
      <Loaded query={query} rows={4}>
        {() =>
          connection === undefined ? (
            <EmptyState
              title={t('connection.gone')}
              text={t('connection.gone.text')}
              action={{ title: t('connected.back'), onPress: onGone }}
            />
          ) : (
            <Body connection={connection} onLog={onLog} onGone={onGone} />
          )
        }
      </Loaded>
    </Page>
  );
}
