/** Lines of a settings card: a name with its value, a way to another page, a switch. */
import { StyleSheet } from 'react-native';

import { Box, Row } from '@/design/box';
import { Icon, type IconShape } from '@/design/icon';
import { icons } from '@/design/icons';
import { Text, type Tone } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, radius, touch } from '@/design/tokens';
import { Touchable } from '@/design/touchable';

export interface SettingRowProps {
  name: string;
  value: string;
  tone?: Tone;
  last?: boolean;
  testID?: string;
}

export function SettingRow({
  name,
  value,
  tone = 'primary',
  last = false,
  testID,
}: SettingRowProps) {
  return (
    <Row
      padX="s4"
      gap="s4"
      justify="space-between"
      rule={last ? undefined : 'bottom'}
      style={styles.row}
    >
      <Text tone="secondary">{name}</Text>
      <Box style={styles.value}>
        <Text align="right" tone={tone} numeric testID={testID}>
          {value}
        </Text>
      </Box>
    </Row>
  );
}

export interface LinkRowProps {
  icon: IconShape;
  title: string;
  text?: string;
  value?: string;
  valueTone?: Tone;
  tone?: Tone;
  last?: boolean;
  onPress: () => void;
  testID?: string;
}

/** What is behind it, how it stands now, and a chevron. */
export function LinkRow(props: LinkRowProps) {
  const { c } = useTheme();
  const { tone = 'primary', last = false } = props;
  return (
    <Touchable
      onPress={props.onPress}
      testID={props.testID}
      style={[styles.link, !last && styles.ruled, { borderBottomColor: c.line.subtle }]}
    >
      <Icon of={props.icon} tone={tone === 'danger' ? 'danger' : 'accent'} />
      <Box flex={1}>
        <Text tone={tone} weight={500}>
          {props.title}
        </Text>
        {props.text ? (
          <Text variant="label" weight={400} tone="secondary">
            {props.text}
          </Text>
        ) : null}
      </Box>
      {props.value ? (
        <Text variant="label" tone={props.valueTone ?? 'secondary'} numeric>
          {props.value}
        </Text>
      ) : null}
      <Icon of={icons.forward} size="sm" tone="tertiary" />
    </Touchable>
  );
}

export interface SwitchRowProps {
  title: string;
  text?: string;
  on: boolean;
  busy?: boolean;
  last?: boolean;
  onChange: (on: boolean) => void;
  testID?: string;
}

/** A setting with two states. The knob's place says which, not its colour alone. */
export function SwitchRow({ title, text, on, busy, last, onChange, testID }: SwitchRowProps) {
  const { c } = useTheme();
  return (
    <Touchable
      role="switch"
      checked={on}
      busy={busy}
      disabled={busy}
      onPress={() => onChange(!on)}
      testID={testID}
      style={[styles.link, !last && styles.ruled, { borderBottomColor: c.line.subtle }]}
    >
      <Box flex={1}>
        <Text weight={500}>{title}</Text>
        {text ? (
          <Text variant="label" weight={400} tone="secondary">
            {text}
          </Text>
        ) : null}
      </Box>
      <Box
        style={[
          styles.track,
          {
            backgroundColor: on ? c.accent.fill : c.surface.s3,
            borderColor: on ? c.accent.fill : c.line.control,
          },
        ]}
      >
        <Box
          style={[
            styles.knob,
            on && styles.knobOn,
            { backgroundColor: on ? c.text.onAccent : c.text.secondary },
          ]}
        />
      </Box>
    </Touchable>
  );
}

const styles = StyleSheet.create({
  row: { minHeight: touch.row.single, paddingVertical: 8 },
  value: { flexShrink: 1 },
  link: {
    minHeight: 58,
    paddingHorizontal: 16,
    paddingVertical: 8,
    flexDirection: 'row',
    alignItems: 'center',
    gap: 12,
  },
  ruled: { borderBottomWidth: border.thin },
  track: {
    width: 46,
    height: 28,
    borderRadius: radius.pill,
    borderWidth: border.thin,
    justifyContent: 'center',
    paddingHorizontal: 3,
  },
  knob: { width: 20, height: 20, borderRadius: 10 },
  knobOn: { alignSelf: 'flex-end' },
});
