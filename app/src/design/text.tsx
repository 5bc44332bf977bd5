/** All text of the app: one type scale, tabular figures where a value can change. */
import type { ReactNode } from 'react';
import {
  StyleSheet,
  Text as NativeText,
  type TextProps as NativeTextProps,
  type TextStyle,
} from 'react-native';

import { fontFace } from '@/design/fonts';
import { useTheme, type Palette, type Theme } from '@/design/theme';
import { type as scale } from '@/design/tokens';

export type TextVariant = keyof typeof scale;
export type Tone =
  | 'primary'
  | 'secondary'
  | 'tertiary'
  | 'onAccent'
  | 'accent'
  | 'up'
  | 'down'
  | 'flat'
  | 'warning'
  | 'danger'
  | 'stale'
  | 'simulated'
  | 'inverse';

export function toneColor(c: Palette, tone: Tone): string {
  switch (tone) {
    case 'primary':
    case 'secondary':
    case 'tertiary':
    case 'onAccent':
      return c.text[tone];
    case 'inverse':
      return c.surface.base;
    default:
      return c[tone].base;
  }
}

export interface TextProps {
  children?: ReactNode;
  variant?: TextVariant;
  tone?: Tone;
  weight?: 400 | 500 | 600 | 700;
  align?: 'left' | 'center' | 'right';
  numeric?: boolean;
  lines?: number;
  heading?: 1 | 2 | 3;
  label?: string;
  live?: 'polite' | 'assertive';
  hidden?: boolean;
  selectable?: boolean;
  testID?: string;
  style?: NativeTextProps['style'];
}

const DENSE: ReadonlySet<TextVariant> = new Set(['numDense', 'micro']);

type Ink = Required<Pick<TextProps, 'variant' | 'tone'>> &
  Pick<TextProps, 'weight' | 'align' | 'numeric'>;

const inks = new Map<string, TextStyle>();

/** One registered style for each kind of text: a live cell must not build its style on every tick. */
function inkStyle(
  { key: theme, c }: Theme,
  { variant, tone, weight, align, numeric }: Ink,
): TextStyle {
  const spec = scale[variant];
  const tabular = numeric ?? spec.numeric;
  const key = `${theme} ${variant} ${tone} ${weight} ${align} ${tabular}`;
  const known = inks.get(key);
  if (known !== undefined) return known;
  const { ink } = StyleSheet.create({
    ink: {
      ...fontFace(weight ?? spec.weight),
      color: toneColor(c, tone),
      fontSize: spec.size,
      lineHeight: spec.line,
      letterSpacing: spec.tracking,
      ...(align && { textAlign: align }),
      ...(tabular && { fontVariant: ['tabular-nums'] }),
    },
  });
  inks.set(key, ink);
  return ink;
}

export function Text(props: TextProps) {
  const { variant = 'body', tone = 'primary', weight, align, numeric, lines, heading } = props;
  const ink = inkStyle(useTheme(), { variant, tone, weight, align, numeric });
  return (
    <NativeText
      testID={props.testID}
      role={heading === undefined ? undefined : 'heading'}
      aria-level={heading}
      aria-label={props.label}
      aria-live={props.live}
      aria-hidden={props.hidden}
      selectable={props.selectable}
      numberOfLines={lines}
      maxFontSizeMultiplier={DENSE.has(variant) ? 1.35 : 2}
      style={props.style === undefined ? ink : [ink, props.style]}
    >
      {props.children}
    </NativeText>
  );
}
