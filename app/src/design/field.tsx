/** A labelled input. The error stands below and says how to fix it. */
import { useId, useState, type ReactNode } from 'react';
import { StyleSheet, TextInput, type TextInputProps } from 'react-native';

import { Box, Row } from '@/design/box';
import { fontFace } from '@/design/fonts';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, radius, space, touch, type as scale } from '@/design/tokens';

export interface FieldProps {
  label: string;
  value: string;
  onChange: (text: string) => void;
  error?: string | null;
  help?: string;
  secure?: boolean;
  autoComplete?: TextInputProps['autoComplete'];
  keyboard?: TextInputProps['keyboardType'];
  capitalize?: TextInputProps['autoCapitalize'];
  submitLabel?: TextInputProps['returnKeyType'];
  maxLength?: number;
  autoFocus?: boolean;
  onSubmit?: () => void;
  trailing?: ReactNode;
  testID?: string;
}

export function Field(props: FieldProps) {
  const { c } = useTheme();
  const id = useId();
  const [focused, setFocused] = useState(false);
  const invalid = props.error !== undefined && props.error !== null;
  const note = props.error ?? props.help;
  const edge = invalid ? c.danger.base : focused ? c.line.focus : c.line.control;
  return (
    <Box gap="s1">
      <Text variant="label" tone="secondary" hidden>
        {props.label}
      </Text>
      <Row style={[styles.frame, { backgroundColor: c.surface.s1, borderColor: edge }]}>
        <TextInput
          testID={props.testID}
          aria-label={props.label}
          aria-describedby={note ? id : undefined}
          aria-invalid={invalid}
          value={props.value}
          onChangeText={props.onChange}
          onSubmitEditing={props.onSubmit}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
          secureTextEntry={props.secure}
          autoComplete={props.autoComplete}
          keyboardType={props.keyboard}
          autoCapitalize={props.capitalize ?? 'none'}
          autoCorrect={false}
          autoFocus={props.autoFocus}
          returnKeyType={props.submitLabel}
          maxLength={props.maxLength}
          selectionColor={c.accent.base}
          style={[fontFace(400), styles.input, { color: c.text.primary }]}
        />
        {props.trailing}
      </Row>
      {note ? (
        <Box id={id} live="polite">
          <Text variant="label" tone={invalid ? 'danger' : 'tertiary'}>
            {note}
          </Text>
        </Box>
      ) : null}
    </Box>
  );
}

const styles = StyleSheet.create({
  frame: {
    minHeight: touch.comfortable,
    borderWidth: border.thin,
    borderRadius: radius.md,
    paddingLeft: space.s3,
    paddingRight: space.s1,
  },
  input: {
    flex: 1,
    minHeight: touch.comfortable - 2,
    fontSize: scale.title3.size,
    paddingVertical: space.s2,
    outlineWidth: 0,
  },
});
