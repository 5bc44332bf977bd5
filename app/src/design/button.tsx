/** Buttons: one filled a screen, outlined for the second choice, text for the rest. */
import { ActivityIndicator, StyleSheet } from 'react-native';

import { Icon, type IconShape } from '@/design/icon';
import { Text, toneColor, type Tone } from '@/design/text';
import { useTheme, type Palette } from '@/design/theme';
import { border, radius, space, touch } from '@/design/tokens';
import { Touchable } from '@/design/touchable';

export interface ButtonProps {
  title: string;
  onPress: () => void;
  kind?: 'filled' | 'outlined' | 'text';
  icon?: IconShape;
  tone?: Tone;
  busy?: boolean;
  disabled?: boolean;
  grow?: boolean;
  label?: string;
  testID?: string;
}

function look(c: Palette, kind: 'filled' | 'outlined' | 'text') {
  if (kind === 'filled') return { backgroundColor: c.accent.fill };
  if (kind === 'outlined')
    return { backgroundColor: c.surface.s2, borderWidth: border.thin, borderColor: c.line.strong };
  return {};
}

const TONE = { filled: 'onAccent', outlined: 'primary', text: 'accent' } as const;

export function Button(props: ButtonProps) {
  const { kind = 'filled', busy = false, disabled = false } = props;
  const { c } = useTheme();
  const tone = props.tone ?? TONE[kind];
  return (
    <Touchable
      testID={props.testID}
      quiet={kind === 'filled'}
      disabled={disabled || busy}
      busy={busy}
      label={props.label}
      onPress={props.onPress}
      style={[styles.base, props.grow && styles.grow, look(c, kind), disabled && styles.disabled]}
    >
      {busy ? <ActivityIndicator aria-hidden size="small" color={toneColor(c, tone)} /> : null}
      {props.icon && !busy ? <Icon of={props.icon} tone={tone} /> : null}
      <Text variant="bodyStrong" tone={tone} lines={1}>
        {props.title}
      </Text>
    </Touchable>
  );
}

export interface IconButtonProps {
  icon: IconShape;
  label: string;
  onPress: () => void;
  tone?: Tone;
  filled?: boolean;
  boxed?: boolean;
  /** Stands at the edge of a header: its icon, not its target, keeps the margin. */
  edge?: boolean;
  testID?: string;
}

export function IconButton(props: IconButtonProps) {
  const { c } = useTheme();
  return (
    <Touchable
      testID={props.testID}
      label={props.label}
      onPress={props.onPress}
      style={[
        styles.icon,
        props.edge && styles.edge,
        props.boxed && styles.boxed,
        props.boxed && { backgroundColor: c.surface.s2, borderColor: c.line.strong },
      ]}
    >
      <Icon of={props.icon} size="lg" tone={props.tone ?? 'secondary'} filled={props.filled} />
    </Touchable>
  );
}

const styles = StyleSheet.create({
  base: {
    minHeight: touch.comfortable,
    borderRadius: radius.lg,
    paddingHorizontal: space.s4,
    flexDirection: 'row',
    alignItems: 'center',
    justifyContent: 'center',
    gap: space.s2,
  },
  grow: { flex: 1 },
  disabled: { opacity: 0.5 },
  icon: {
    width: touch.min,
    height: touch.min,
    borderRadius: radius.md,
    alignItems: 'center',
    justifyContent: 'center',
  },
  edge: { marginLeft: -12 },
  boxed: {
    width: 52,
    height: touch.comfortable,
    borderRadius: radius.lg,
    borderWidth: border.thin,
  },
});
