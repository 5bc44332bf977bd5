/** One connection in the list: how it is, its accounts, and the way back in where one is needed. */
import { StyleSheet } from 'react-native';

import type { Connection } from '@/api/types';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { Chip } from '@/design/chip';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, space } from '@/design/tokens';
import { Touchable } from '@/design/touchable';
import { AccountRow } from '@/features/brokerage/components/account-row';
import { ConnectionHead } from '@/features/brokerage/components/connection-head';
import { SyncMeter } from '@/features/brokerage/components/sync-meter';
import { needsSignIn } from '@/features/brokerage/model';
import { t } from '@/i18n/t';

export interface ConnectionCardProps {
  connection: Connection;
  /** The first that waits for a person has the one filled button of the screen. */
  first: boolean;
  onOpen: () => void;
  onReconnect: () => void;
}

function Trouble({ connection, first, onReconnect }: Omit<ConnectionCardProps, 'onOpen'>) {
  const { state, problem, label } = connection;
  if (state === 'connected' || state === 'disconnected') return null;
  const words = [
    problem?.detail,
    state === 'expiring' ? t('brokerage.expiring.text') : t('brokerage.stale.text'),
    state === 'failing' ? problem?.next_step : '',
  ];
  return (
    <Box padX="s4" gap="s3" style={styles.trouble}>
      <Text variant="label" weight={400} tone="secondary">
        {words.filter(Boolean).join(' ')}
      </Text>
      {needsSignIn(connection) ? (
        <Button
          kind={first ? 'filled' : 'outlined'}
          title={t('brokerage.reconnect')}
          label={t('brokerage.reconnect.label', { name: label })}
          onPress={onReconnect}
          testID="reconnect"
        />
      ) : null}
    </Box>
  );
}

export function ConnectionCard(props: ConnectionCardProps) {
  const { c } = useTheme();
  const { connection, first, onOpen, onReconnect } = props;
  const { accounts, state } = connection;
  const edge = state === 'sign_in_needed' ? { borderColor: c.danger.line } : undefined;
  return (
    <Card testID={`connection-${connection.id}`} style={edge}>
      <Touchable onPress={onOpen} testID="open-connection" style={styles.head}>
        <ConnectionHead connection={connection} />
        {connection.simulated ? (
          <Box row>
            <Chip tone="simulated" text={t('fresh.simulated')} />
          </Box>
        ) : null}
        {state === 'disconnected' ? (
          <Text variant="label" weight={400} tone="tertiary">
            {t('brokerage.kept')}
          </Text>
        ) : null}
        <SyncMeter connection={connection} />
      </Touchable>
      <Trouble connection={connection} first={first} onReconnect={onReconnect} />
      {accounts.length > 0 ? (
        <Box style={[styles.accounts, { borderTopColor: c.line.subtle }]}>
          {accounts.map((account, index) => (
            <AccountRow
              key={account.id}
              marked={connection.simulated}
              account={account}
              last={index === accounts.length - 1}
            />
          ))}
        </Box>
      ) : null}
    </Card>
  );
}

const styles = StyleSheet.create({
  head: { padding: space.s4, gap: space.s3 },
  trouble: { paddingBottom: space.s4 },
  accounts: { borderTopWidth: border.thin },
});
