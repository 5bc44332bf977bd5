/**
 * A code of digits, one box for each. It is one input: pasting, filling in by the phone and screen
 * readers work as with any other, and whatever is not a digit is left out.
 */
import { useId, useState } from 'react';
import { StyleSheet, TextInput } from 'react-native';

import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, radius } from '@/design/tokens';

export interface CodeFieldProps {
  label: string;
  length: 6 | 8;
  value: string;
  onChange: (digits: string) => void;
  /** Called once the last digit is there. */
  onComplete?: (digits: string) => void;
  error?: string | null;
  help?: string;
  busy?: boolean;
  autoFocus?: boolean;
  testID?: string;
}

function Cell({ digit, here, bad }: { digit: string; here: boolean; bad: boolean }) {
  const { c } = useTheme();
  const edge = bad ? c.danger.base : here ? c.line.focus : c.line.control;
  return (
    <Box
      flex={1}
      align="center"
      justify="center"
      surface="s1"
      style={[styles.cell, { borderColor: edge, borderWidth: here ? border.focus : border.thin }]}
    >
      <Text variant="title1" weight={600} numeric>
        {digit}
      </Text>
    </Box>
  );
}

export function CodeField(props: CodeFieldProps) {
  const { length, value } = props;
  const id = useId();
  const [focused, setFocused] = useState(false);
  const bad = props.error !== undefined && props.error !== null;
  const note = props.error ?? props.help;
  const change = (text: string) => {
    const digits = text.replace(/\D/g, '').slice(0, length);
    if (digits === value) return;
    props.onChange(digits);
    if (digits.length === length) props.onComplete?.(digits);
  };
  const half = length / 2;
  const cells = (from: number) =>
    Array.from({ length: half }, (_, index) => from + index).map((at) => (
      <Cell
        key={at}
        digit={value[at] ?? ''}
        here={focused && at === Math.min(value.length, length - 1)}
        bad={bad}
      />
    ));
  return (
    <Box gap="s1">
      <Box>
        <Row gap="s3" hidden>
          <Row flex={1} gap="s1">
            {cells(0)}
          </Row>
          <Row flex={1} gap="s1">
            {cells(half)}
          </Row>
        </Row>
        <TextInput
          testID={props.testID}
          aria-label={props.label}
          aria-describedby={note ? id : undefined}
          aria-invalid={bad}
          value={value}
          onChangeText={change}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
          editable={!props.busy}
          inputMode="numeric"
          autoComplete="one-time-code"
          textContentType="oneTimeCode"
          autoFocus={props.autoFocus}
          caretHidden
          style={styles.input}
        />
      </Box>
      {note ? (
        <Box id={id} live="polite">
          <Text variant="label" tone={bad ? 'danger' : 'tertiary'}>
            {note}
          </Text>
        </Box>
      ) : null}
    </Box>
  );
}

const styles = StyleSheet.create({
  cell: { height: 56, borderRadius: radius.md },
  input: {
    position: 'absolute',
    inset: 0,
    color: 'transparent',
    backgroundColor: 'transparent',
    borderWidth: 0,
    outlineWidth: 0,
    // Below this size phones zoom into a field that gets the focus.
    fontSize: 16,
  },
});
