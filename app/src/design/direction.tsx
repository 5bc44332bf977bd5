/** Direction in three cues: triangle, sign and colour. Old values lose triangle and colour. */
import Svg, { Path } from 'react-native-svg';

import { Row } from '@/design/box';
import { Text, toneColor, type TextVariant, type Tone } from '@/design/text';
import { useTheme } from '@/design/theme';
import { direction as directionOf, type Maybe } from '@/lib/format';

export function directionTone(value: Maybe, stale: boolean, digits = 2): Tone {
  if (stale) return 'stale';
  const direction = directionOf(value, digits);
  if (direction === null) return 'tertiary';
  if (direction === 0) return 'secondary';
  return direction > 0 ? 'up' : 'down';
}

export function Triangle({ up, size, tone }: { up: boolean; size: number; tone: Tone }) {
  const { c } = useTheme();
  const path = up ? 'M5 1 L9.5 9 L0.5 9 Z' : 'M5 9 L9.5 1 L0.5 1 Z';
  return (
    <Svg width={size} height={size} viewBox="0 0 10 10" aria-hidden>
      <Path d={path} fill={toneColor(c, tone)} />
    </Svg>
  );
}

export interface ChangeProps {
  /** The number that decides the direction. */
  value: Maybe;
  /** How it is printed, sign included. */
  text: string;
  digits?: number;
  stale?: boolean;
  variant?: TextVariant;
  tone?: Tone;
}

export function Change({
  value,
  text,
  digits = 2,
  stale = false,
  variant = 'label',
  tone,
}: ChangeProps) {
  const direction = directionOf(value, digits);
  const shown = tone ?? directionTone(value, stale, digits);
  return (
    <Row gap="s1" justify="flex-end">
      {direction !== null && direction !== 0 && !stale ? (
        <Triangle
          up={direction > 0}
          size={variant === 'title3' || variant === 'num' ? 8 : 7}
          tone={shown}
        />
      ) : null}
      <Text variant={variant} tone={shown} numeric>
        {text}
      </Text>
    </Row>
  );
}
