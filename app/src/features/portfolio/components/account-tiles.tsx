/** One tile for each account: whose it is, what it is worth, how old that is. Never hidden. */
import { ScrollView, StyleSheet } from 'react-native';

import { Box } from '@/design/box';
import { Freshness } from '@/design/freshness';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, radius, space } from '@/design/tokens';
import { Touchable } from '@/design/touchable';
import type { PortfolioAccount } from '@/features/portfolio/api';
import { accountMark } from '@/features/portfolio/model';
import { t } from '@/i18n/t';
import { money } from '@/lib/decimals';
import { useNow } from '@/lib/now';

export interface AccountTilesProps {
  accounts: readonly PortfolioAccount[];
  onOpen: (account: PortfolioAccount) => void;
}

function Tile({ account, onPress }: { account: PortfolioAccount; onPress: () => void }) {
  const { c } = useTheme();
  const mark = accountMark(account, useNow());
  const value = money(account.net_liquidation, account.currency);
  const name = account.name.trim() === '' ? account.brokerage : account.name;
  const colors = account.stale
    ? { backgroundColor: c.stale.tint, borderColor: c.stale.base }
    : { backgroundColor: c.surface.s1, borderColor: c.line.subtle };
  return (
    <Touchable
      label={t('portfolio.account.label', { name, value, age: mark.text })}
      onPress={onPress}
      testID={`tile-${account.id}`}
      style={[styles.tile, colors]}
    >
      <Text variant="label" tone="secondary" lines={1}>
        {name}
      </Text>
      <Text variant="title3" numeric lines={1}>
        {value}
      </Text>
      <Freshness kind={mark.kind} text={mark.text} />
    </Touchable>
  );
}

export function AccountTiles({ accounts, onOpen }: AccountTilesProps) {
  return (
    <Box role="group" label={t('portfolio.accounts')}>
      <ScrollView
        horizontal
        showsHorizontalScrollIndicator={false}
        contentContainerStyle={styles.tiles}
      >
        {accounts.map((account) => (
          <Tile key={account.id} account={account} onPress={() => onOpen(account)} />
        ))}
      </ScrollView>
    </Box>
  );
}

const styles = StyleSheet.create({
  tiles: { gap: space.s3 },
  tile: {
    minWidth: 132,
    maxWidth: 200,
    padding: space.s3,
    gap: space.s0,
    borderRadius: radius.lg,
    borderWidth: border.thin,
  },
});
