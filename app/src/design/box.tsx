/** The block everything is laid out with: spacing and surfaces come from the tokens by name. */
import type { ReactNode } from 'react';
import {
  StyleSheet,
  View,
  type LayoutChangeEvent,
  type Role,
  type ViewStyle,
  type StyleProp,
} from 'react-native';

import { useTheme, type Palette, type Theme } from '@/design/theme';
import { border as borders, radius as radii, space } from '@/design/tokens';

type Space = keyof typeof space;
export type Surface = 'base' | 's1' | 's2' | 's3' | 'inset' | 'accentTint' | 'staleTint';

/** Roles of the web that React Native does not list but passes on. */
export type BoxRole = Role | 'listbox' | 'search';

export interface BoxProps {
  children?: ReactNode;
  row?: boolean;
  wrap?: boolean;
  flex?: number;
  gap?: Space;
  pad?: Space;
  padX?: Space;
  padY?: Space;
  align?: ViewStyle['alignItems'];
  justify?: ViewStyle['justifyContent'];
  surface?: Surface;
  radius?: keyof typeof radii;
  bordered?: boolean;
  rule?: 'top' | 'bottom';
  width?: ViewStyle['width'];
  height?: ViewStyle['height'];
  role?: BoxRole;
  label?: string;
  labelledBy?: string;
  live?: 'polite' | 'assertive';
  hidden?: boolean;
  id?: string;
  testID?: string;
  tabIndex?: 0 | -1;
  pointerEvents?: ViewStyle['pointerEvents'];
  onLayout?: (event: LayoutChangeEvent) => void;
  style?: StyleProp<ViewStyle>;
}

export function surfaceColor(c: Palette, surface: Surface): string {
  if (surface === 'accentTint') return c.accent.tint;
  if (surface === 'staleTint') return c.stale.tint;
  return c.surface[surface];
}

function pick(space_: Space | undefined): number | undefined {
  return space_ === undefined ? undefined : space[space_];
}

function boxStyle(props: BoxProps, c: Palette): ViewStyle {
  return {
    flexDirection: props.row ? 'row' : 'column',
    flexWrap: props.wrap ? 'wrap' : undefined,
    flex: props.flex,
    gap: pick(props.gap),
    padding: pick(props.pad),
    paddingHorizontal: pick(props.padX),
    paddingVertical: pick(props.padY),
    alignItems: props.align ?? (props.row ? 'center' : undefined),
    justifyContent: props.justify,
    backgroundColor: props.surface ? surfaceColor(c, props.surface) : undefined,
    borderRadius: props.radius ? radii[props.radius] : undefined,
    width: props.width,
    height: props.height,
    pointerEvents: props.pointerEvents,
    ...(props.bordered && { borderWidth: borders.thin, borderColor: c.line.subtle }),
    ...(props.rule === 'top' && { borderTopWidth: borders.thin, borderTopColor: c.line.subtle }),
    ...(props.rule === 'bottom' && {
      borderBottomWidth: borders.thin,
      borderBottomColor: c.line.subtle,
    }),
  };
}

const NAMES = [
  'row',
  'wrap',
  'flex',
  'gap',
  'pad',
  'padX',
  'padY',
  'align',
  'justify',
  'surface',
  'radius',
  'bordered',
  'rule',
  'width',
  'height',
  'pointerEvents',
] as const;

const known = new Map<string, ViewStyle>();

/** One registered style for each combination of props: rows of a live table ask for few. */
function registered(props: BoxProps, { scheme, c }: Theme): ViewStyle {
  let key: string = scheme;
  for (const name of NAMES) key += `|${String(props[name] ?? '')}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const { box } = StyleSheet.create({ box: boxStyle(props, c) });
  // Widths and heights that follow data would fill the map: past this size nothing more is kept.
  if (known.size < KNOWN_MAX) known.set(key, box);
  return box;
}

const KNOWN_MAX = 2_000;

export function Box(props: BoxProps) {
  const box = registered(props, useTheme());
  return (
    <View
      id={props.id}
      role={props.role as Role | undefined}
      aria-label={props.label}
      aria-labelledby={props.labelledBy}
      aria-live={props.live}
      aria-hidden={props.hidden}
      testID={props.testID}
      tabIndex={props.tabIndex}
      onLayout={props.onLayout}
      style={props.style === undefined ? box : [box, props.style]}
    >
      {props.children}
    </View>
  );
}

export function Row(props: BoxProps) {
  return <Box {...props} row />;
}

export function Spacer() {
  return <Box flex={1} />;
}
