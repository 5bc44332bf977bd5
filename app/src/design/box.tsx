/** The block everything is laid out with: spacing and surfaces come from the tokens by name. */
import type { ReactNode } from 'react';
import {
  View,
  type LayoutChangeEvent,
  type Role,
  type ViewStyle,
  type StyleProp,
} from 'react-native';

import { useTheme, type Palette } from '@/design/theme';
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

export function Box(props: BoxProps) {
  const { c } = useTheme();
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
      style={[boxStyle(props, c), props.style]}
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
