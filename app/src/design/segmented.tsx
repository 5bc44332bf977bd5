/** Two to four views of one thing (Segmented), and a row of ranges with an underline (RangeRow). */
import { StyleSheet } from 'react-native';

import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, radius, touch } from '@/design/tokens';
import { Touchable } from '@/design/touchable';

export interface Option<T extends string> {
  value: T;
  label: string;
}

interface ChoiceProps<T extends string> {
  options: readonly Option<T>[];
  value: T;
  onChange: (value: T) => void;
  label: string;
}

export function Segmented<T extends string>({ options, value, onChange, label }: ChoiceProps<T>) {
  const { c } = useTheme();
  return (
    <Row role="radiogroup" label={label} surface="s2" radius="md" style={styles.frame}>
      {options.map((option) => {
        const on = option.value === value;
        return (
          <Touchable
            key={option.value}
            role="radio"
            checked={on}
            quiet
            onPress={() => onChange(option.value)}
            style={[
              styles.segment,
              on && { backgroundColor: c.surface.s3, borderColor: c.line.strong },
            ]}
          >
            <Text
              variant="label"
              weight={on ? 600 : 500}
              tone={on ? 'primary' : 'secondary'}
              lines={1}
            >
              {option.label}
            </Text>
          </Touchable>
        );
      })}
    </Row>
  );
}

export function RangeRow<T extends string>({ options, value, onChange, label }: ChoiceProps<T>) {
  const { c } = useTheme();
  return (
    <Row role="radiogroup" label={label} justify="space-around">
      {options.map((option) => {
        const on = option.value === value;
        return (
          <Touchable
            key={option.value}
            role="radio"
            checked={on}
            quiet
            onPress={() => onChange(option.value)}
            style={styles.range}
          >
            <Text variant="label" weight={on ? 600 : 500} tone={on ? 'primary' : 'tertiary'}>
              {option.label}
            </Text>
            <Box style={[styles.mark, on && { backgroundColor: c.accent.base }]} />
          </Touchable>
        );
      })}
    </Row>
  );
}

const styles = StyleSheet.create({
  frame: { height: touch.min, overflow: 'hidden' },
  segment: {
    flex: 1,
    height: touch.min,
    alignItems: 'center',
    justifyContent: 'center',
    borderRadius: radius.md,
    borderWidth: border.thin,
    borderColor: 'transparent',
  },
  range: { minWidth: touch.min, height: touch.min, alignItems: 'center', justifyContent: 'center' },
  mark: { position: 'absolute', bottom: 5, width: 20, height: 3, borderRadius: 2 },
});
