/** A small line of closes with a dot at its end. Colour says direction; old lines are sand. */
import Svg, { Circle, Polyline } from 'react-native-svg';

import { toneColor, type Tone } from '@/design/text';
import { useTheme } from '@/design/theme';

export interface SparklineProps {
  values: readonly number[];
  tone: Tone;
  width: number;
  height: number;
}

const PAD = 3;

export function sparkPoints(
  values: readonly number[],
  width: number,
  height: number,
): [number, number][] {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  const step = values.length > 1 ? (width - 2 * PAD) / (values.length - 1) : 0;
  return values.map((value, index) => [
    PAD + index * step,
    span === 0 ? height / 2 : height - PAD - ((value - low) / span) * (height - 2 * PAD),
  ]);
}

export function Sparkline({ values, tone, width, height }: SparklineProps) {
  const { c } = useTheme();
  if (values.length < 2) return null;
  const points = sparkPoints(values, width, height);
  const last = points[points.length - 1] ?? [0, 0];
  const color = toneColor(c, tone);
  return (
    <Svg width={width} height={height} aria-hidden>
      <Polyline
        points={points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')}
        fill="none"
        stroke={color}
        strokeWidth={1.5}
        strokeLinejoin="round"
        strokeLinecap="round"
      />
      <Circle cx={last[0]} cy={last[1]} r={2.4} fill={color} />
    </Svg>
  );
}
