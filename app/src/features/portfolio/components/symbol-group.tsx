/** The positions in one underlying: what is held, what it is worth, what it did today. */
import { StyleSheet } from 'react-native';

import { Box, Row, Spacer } from '@/design/box';
import { Change } from '@/design/direction';
import { Text } from '@/design/text';
import { touch } from '@/design/tokens';
import type { Position } from '@/features/portfolio/api';
import { assetName, gainText, heldWords, type Group } from '@/features/portfolio/model';
import { t } from '@/i18n/t';
import { approximate, money } from '@/lib/decimals';
import { useNow } from '@/lib/now';

function PositionRow({ position, last }: { position: Position; last: boolean }) {
  const now = useNow();
  const { asset, value, unrealised, day_change: day } = position;
  const name = assetName(asset);
  const held = heldWords(position, now);
  const worth = money(value, asset.currency);
  const gain = gainText(unrealised, asset.currency);
  const change = gainText(day, asset.currency);
  return (
    <Row
      role="group"
      label={t('portfolio.row.label', { name, held, value: worth, day: change, open: gain })}
      gap="s3"
      padY="s2"
      rule={last ? undefined : 'bottom'}
      style={styles.row}
      testID={`position-${asset.symbol}`}
    >
      <Box flex={1} gap="s0">
        <Text lines={1}>{name}</Text>
        <Text variant="caption" tone="tertiary" numeric>
          {held}
        </Text>
      </Box>
      <Box align="flex-end" gap="s0">
        <Text numeric>{worth}</Text>
        <Change value={day === null ? null : approximate(day)} text={change} variant="label" />
        <Text variant="caption" tone="tertiary" numeric>
          {t('portfolio.open', { gain })}
        </Text>
      </Box>
    </Row>
  );
}

export function SymbolGroup({ group }: { group: Group }) {
  const day = gainText(group.day, group.currency);
  return (
    <Box testID={`group-${group.symbol ?? 'other'}`}>
      <Row gap="s2" padY="s2" rule="bottom">
        <Text variant="title3" heading={3}>
          {group.symbol ?? t('portfolio.other')}
        </Text>
        <Spacer />
        <Change value={group.day === null ? null : approximate(group.day)} text={day} />
      </Row>
      {group.positions.map((position, index) => (
        <PositionRow
          key={`${position.account_id} ${position.asset.kind} ${position.asset.symbol}`}
          position={position}
          last={index === group.positions.length - 1}
        />
      ))}
    </Box>
  );
}

const styles = StyleSheet.create({ row: { minHeight: touch.row.single } });
