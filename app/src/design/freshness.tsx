/** The freshness mark: seven drawn glyphs and the words beside them. */
import Svg, { Circle, Line, Path, Rect } from 'react-native-svg';

import { Row } from '@/design/box';
import { Text, type TextVariant, type Tone } from '@/design/text';
import { useTheme, type Palette } from '@/design/theme';

export type FreshnessKind =
  'live' | 'delayed' | 'stale' | 'modelled' | 'replay' | 'simulated' | 'offline';

export function freshnessColor(c: Palette, kind: FreshnessKind): string {
  if (kind === 'offline') return c.fresh.off;
  if (kind === 'simulated') return c.simulated.base;
  return c.fresh[kind];
}

function shapes(kind: FreshnessKind, color: string) {
  const stroke = { stroke: color, strokeWidth: 1.4, fill: 'none' };
  switch (kind) {
    case 'live':
      return <Circle cx={5} cy={5} r={4} fill={color} />;
    case 'delayed':
      return (
        <>
          <Circle cx={5} cy={5} r={3.7} {...stroke} />
          <Path d="M5 1.3 A3.7 3.7 0 0 0 5 8.7 Z" fill={color} />
        </>
      );
    case 'stale':
      return <Circle cx={5} cy={5} r={3.7} {...stroke} strokeDasharray="2.1 1.78" />;
    case 'modelled':
      return <Path d="M5 0.9 L9.1 5 L5 9.1 L0.9 5 Z" {...stroke} />;
    case 'replay':
      return <Path d="M2 1 L9 5 L2 9 Z" fill={color} />;
    case 'simulated':
      return (
        <>
          <Rect x={0.9} y={0.9} width={8.2} height={8.2} rx={1.8} {...stroke} />
          <Path d="M2.2 5.4 L5.4 2.2 M3 7.4 L7.4 3 M5 8 L8 5" {...stroke} strokeWidth={1.1} />
        </>
      );
    case 'offline':
      return (
        <>
          <Circle cx={5} cy={5} r={3.7} {...stroke} />
          <Line x1={2.3} y1={7.7} x2={7.7} y2={2.3} {...stroke} />
        </>
      );
  }
}

export function FreshnessGlyph({ kind, size = 8 }: { kind: FreshnessKind; size?: number }) {
  const { c } = useTheme();
  return (
    <Svg width={size} height={size} viewBox="0 0 10 10" aria-hidden>
      {shapes(kind, freshnessColor(c, kind))}
    </Svg>
  );
}

const TONES: Partial<Record<FreshnessKind, Tone>> = {
  delayed: 'warning',
  stale: 'stale',
  replay: 'simulated',
  simulated: 'simulated',
};

export interface FreshnessProps {
  kind: FreshnessKind;
  text: string;
  variant?: TextVariant;
  label?: string;
}

export function Freshness({ kind, text, variant = 'caption', label }: FreshnessProps) {
  return (
    <Row gap="s2">
      <FreshnessGlyph kind={kind} size={kind === 'live' ? 8 : 10} />
      <Text variant={variant} tone={TONES[kind] ?? 'tertiary'} numeric lines={1} label={label}>
        {text}
      </Text>
    </Row>
  );
}
