/** Anything that can be pressed: pressed and hovered states, keyboard focus, a 44-point target. */
import type { ReactNode } from 'react';
import {
  Pressable,
  type GestureResponderEvent,
  type Role,
  type StyleProp,
  type ViewStyle,
} from 'react-native';

import { useTheme } from '@/design/theme';

export interface TouchableProps {
  children?: ReactNode;
  onPress?: (event: GestureResponderEvent) => void;
  onLongPress?: (event: GestureResponderEvent) => void;
  label?: string;
  hint?: string;
  role?: Role;
  selected?: boolean;
  /** The place a person is at, among links. */
  current?: boolean;
  checked?: boolean;
  expanded?: boolean;
  disabled?: boolean;
  busy?: boolean;
  quiet?: boolean;
  hitSlop?: number;
  testID?: string;
  style?: StyleProp<ViewStyle>;
}

const LONG_PRESS_MS = 350;

interface PressState {
  pressed: boolean;
  hovered?: boolean;
}

export function Touchable(props: TouchableProps) {
  const { c } = useTheme();
  return (
    <Pressable
      testID={props.testID}
      role={props.role ?? 'button'}
      aria-label={props.label}
      accessibilityHint={props.hint}
      aria-selected={props.selected}
      {...(props.current && { 'aria-current': 'page' })}
      aria-checked={props.checked}
      aria-expanded={props.expanded}
      aria-disabled={props.disabled}
      aria-busy={props.busy}
      disabled={props.disabled}
      hitSlop={props.hitSlop}
      onPress={props.onPress}
      onLongPress={props.onLongPress}
      delayLongPress={LONG_PRESS_MS}
      style={({ pressed, hovered }: PressState) => [
        props.style,
        !props.quiet && hovered && { backgroundColor: c.surface.s2 },
        !props.quiet && pressed && { backgroundColor: c.surface.s3 },
      ]}
    >
      {props.children}
    </Pressable>
  );
}
