/** A key figure: what it is, the figure, and what it stands on. */
import type { ReactNode } from 'react';
import { StyleSheet } from 'react-native';

import { Box, Row } from '@/design/box';
import { Text, type Tone } from '@/design/text';
import { useTheme } from '@/design/theme';
import { t } from '@/i18n/t';
import { MISSING } from '@/lib/format';

export interface StatProps {
  name: string;
  value: string;
  note?: string;
  tone?: Tone;
  children?: ReactNode;
}

export function Stat({ name, value, note, tone = 'primary', children }: StatProps) {
  return (
    <Box flex={1} gap="s0">
      <Text variant="caption" tone="secondary" lines={1}>
        {name}
      </Text>
      {children ?? (
        <>
          <Text variant="title3" weight={500} tone={tone} numeric lines={1}>
            {value}
          </Text>
          <Text variant="caption" tone="tertiary" numeric lines={1}>
            {note ?? (value === MISSING ? t('figure.missing') : ' ')}
          </Text>
        </>
      )}
    </Box>
  );
}

/** Where a value stands between two others. */
export function RangeBar({ low, high, at, lowText, highText }: RangeBarProps) {
  const { c } = useTheme();
  const share = high > low ? Math.min(1, Math.max(0, (at - low) / (high - low))) : 0.5;
  return (
    <Box>
      <Box height={22} justify="center">
        <Box style={[styles.track, { backgroundColor: c.surface.s3 }]} />
        <Box style={[styles.dot, { backgroundColor: c.text.primary, left: `${share * 100}%` }]} />
      </Box>
      <Row justify="space-between" gap="s1">
        <Text variant="micro" weight={500} tone="tertiary" lines={1}>
          {lowText}
        </Text>
        <Text variant="micro" weight={500} tone="tertiary" lines={1}>
          {highText}
        </Text>
      </Row>
    </Box>
  );
}

interface RangeBarProps {
  low: number;
  high: number;
  at: number;
  lowText: string;
  highText: string;
}

const styles = StyleSheet.create({
  track: { height: 4, borderRadius: 2 },
  dot: { position: 'absolute', width: 9, height: 9, borderRadius: 5, marginLeft: -4.5 },
});
