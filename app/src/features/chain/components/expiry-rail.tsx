/** The expirations: date, days and expected move; half a tile shows that there is more. */
import { useEffect, useRef } from 'react';
import { ScrollView, StyleSheet } from 'react-native';

import type { Expiration } from '@/api/types';
import { Box } from '@/design/box';
import { Skeleton } from '@/design/skeleton';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, radius, space } from '@/design/tokens';
import { Touchable } from '@/design/touchable';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import { fixed, isNumber } from '@/lib/format';

export interface ExpiryRailProps {
  expirations: readonly Expiration[] | undefined;
  selected: string | null;
  onSelect: (date: string) => void;
}

const TILE = 84;

function tileText({ days, expected_move: move }: Expiration): string {
  if (!isNumber(move)) return t('chain.tile.bare', { days });
  return t('chain.tile', { days, move: fixed(move, move < 1000 ? 1 : 0) });
}

function Tile({
  expiration,
  on,
  onSelect,
}: {
  expiration: Expiration;
  on: boolean;
  onSelect: (date: string) => void;
}) {
  const { c } = useTheme();
  return (
    <Touchable
      role="radio"
      checked={on}
      testID={`expiry-${expiration.date}`}
      onPress={() => onSelect(expiration.date)}
      style={[styles.tile, on && { borderColor: c.accent.base, backgroundColor: c.accent.tint }]}
    >
      <Text variant="bodyStrong" weight={on ? 600 : 500} tone={on ? 'accent' : 'primary'} lines={1}>
        {shortDate(expiration.date)}
      </Text>
      <Text variant="micro" weight={500} tone={on ? 'accent' : 'secondary'} lines={1}>
        {tileText(expiration)}
      </Text>
    </Touchable>
  );
}

export function ExpiryRail({ expirations, selected, onSelect }: ExpiryRailProps) {
  const scroll = useRef<ScrollView>(null);
  const index = expirations?.findIndex((each) => each.date === selected) ?? -1;
  useEffect(() => {
    if (index >= 0)
      scroll.current?.scrollTo({ x: Math.max(0, (index - 1.5) * TILE), animated: false });
  }, [index]);
  return (
    <ScrollView
      ref={scroll}
      horizontal
      showsHorizontalScrollIndicator={false}
      tabIndex={0}
      role="radiogroup"
      aria-label={t('chain.expirations')}
      contentContainerStyle={styles.rail}
      style={styles.frame}
    >
      {expirations === undefined
        ? [0, 1, 2, 3].map((each) => (
            <Box key={each} style={styles.tile} gap="s1">
              <Skeleton width={56} height={14} />
              <Skeleton width={64} height={10} />
            </Box>
          ))
        : expirations.map((expiration) => (
            <Tile
              key={expiration.date}
              expiration={expiration}
              on={expiration.date === selected}
              onSelect={onSelect}
            />
          ))}
    </ScrollView>
  );
}

const styles = StyleSheet.create({
  frame: { flexGrow: 0 },
  rail: { paddingHorizontal: space.s2 },
  tile: {
    minWidth: TILE,
    height: 52,
    paddingHorizontal: 6,
    alignItems: 'center',
    justifyContent: 'center',
    borderRadius: radius.md,
    borderWidth: border.focus,
    borderColor: 'transparent',
  },
});
