/** How much of something is left, as a ring with a word in the middle, or a check where it has no end. */
import { StyleSheet } from 'react-native';
import Svg, { Circle } from 'react-native-svg';

import { Box } from '@/design/box';
import { Icon } from '@/design/icon';
import { icons } from '@/design/icons';
import { Text, toneColor } from '@/design/text';
import { useTheme } from '@/design/theme';

const SIZE = 44;
const WIDTH = 4;
const RADIUS = (SIZE - WIDTH) / 2;
const AROUND = 2 * Math.PI * RADIUS;

export interface CountdownRingProps {
  /** 0 to 1. */
  share: number;
  /** Null draws the check. */
  text: string | null;
  tone: 'accent' | 'warning' | 'danger' | 'tertiary';
  /** The same in words, for people who hear it. */
  label: string;
}

export function CountdownRing({ share, text, tone, label }: CountdownRingProps) {
  const { c } = useTheme();
  const color = toneColor(c, tone);
  return (
    <Box role="img" label={label} width={SIZE} height={SIZE} align="center" justify="center">
      <Svg width={SIZE} height={SIZE} style={StyleSheet.absoluteFill} aria-hidden>
        <Circle
          cx={SIZE / 2}
          cy={SIZE / 2}
          r={RADIUS}
          stroke={c.surface.s3}
          strokeWidth={WIDTH}
          fill="none"
        />
        <Circle
          cx={SIZE / 2}
          cy={SIZE / 2}
          r={RADIUS}
          stroke={color}
          strokeWidth={WIDTH}
          strokeLinecap="round"
          strokeDasharray={`${Math.max(0.01, share * AROUND)} ${AROUND}`}
          transform={`rotate(-90 ${SIZE / 2} ${SIZE / 2})`}
          fill="none"
        />
      </Svg>
      {text === null ? (
        <Icon of={icons.check} size="sm" tone={tone} />
      ) : (
        <Text variant="caption" weight={600} tone={tone} numeric hidden>
          {text}
        </Text>
      )}
    </Box>
  );
}
