/** One account: which it is, what it is worth, how old that is, and what is missing. */
import { StyleSheet } from 'react-native';

import type { BrokerAccount } from '@/api/types';
import { Box, Row } from '@/design/box';
import { Freshness } from '@/design/freshness';
import { Text } from '@/design/text';
import { touch } from '@/design/tokens';
import { accountWords, ageMark, oldestMs } from '@/features/brokerage/model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import { money } from '@/lib/decimals';
import { useNow } from '@/lib/now';

export interface AccountRowProps {
  account: BrokerAccount;
  last: boolean;
  /** Its whole connection is marked as simulated: nothing is said twice. */
  marked: boolean;
  /** Says what is held, and since when its history goes. */
  detailed?: boolean;
}

function heldWords({ positions, first_activity: first }: BrokerAccount): string {
  const held =
    positions === 1 ? t('account.position') : t('account.positions', { count: positions });
  return first === null ? held : `${held} · ${t('account.history', { date: shortDate(first) })}`;
}

function about(account: BrokerAccount, detailed: boolean): string {
  return [
    account.brokerage,
    account.name.trim() === '' ? '' : account.kind,
    account.status === 'closed' ? t('brokerage.closed') : '',
    account.status === 'restricted' ? t('brokerage.restricted') : '',
    detailed && account.as_of !== null ? heldWords(account) : '',
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

export function AccountRow({ account, last, marked, detailed = false }: AccountRowProps) {
  const now = useNow();
  const mark = ageMark(oldestMs([account]), account.stale, now);
  const value = money(account.net_liquidation, account.currency);
  const name = accountWords(account);
  const problem = account.problem?.detail ?? (account.complete ? null : t('brokerage.incomplete'));
  return (
    <Box
      role="group"
      label={t('account.label', { name, value, age: mark.text })}
      padX="s4"
      padY="s2"
      gap="s0"
      rule={last ? undefined : 'bottom'}
      justify="center"
      style={styles.row}
      testID={`account-${account.id}`}
    >
      <Row gap="s3">
        <Box flex={1}>
          <Text lines={1}>{name}</Text>
        </Box>
        <Text numeric tone={account.stale ? 'stale' : 'primary'}>
          {value}
        </Text>
      </Row>
      <Row gap="s3" justify="space-between" align="flex-start">
        <Box flex={1}>
          <Text variant="caption" tone="tertiary">
            {about(account, detailed)}
          </Text>
        </Box>
        {account.simulated && !marked ? (
          <Freshness kind="simulated" text={t('fresh.simulated')} />
        ) : null}
        <Freshness kind={mark.kind} text={mark.text} />
      </Row>
      {problem === null || account.as_of === null ? null : (
        <Text variant="caption" tone="warning" testID="account-problem">
          {problem}
        </Text>
      )}
    </Box>
  );
}

const styles = StyleSheet.create({ row: { minHeight: touch.row.single } });
