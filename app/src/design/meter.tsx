/** How far something has come, in equal parts, always with words beside it. */
import { StyleSheet } from 'react-native';

import { Box, Row } from '@/design/box';
import { Text, toneColor, type Tone } from '@/design/text';
import { useTheme } from '@/design/theme';

export interface MeterProps {
  label: string;
  filled: number;
  parts: number;
  words: string;
  tone: Tone;
  testID?: string;
}

export function Meter({ label, filled, parts, words, tone, testID }: MeterProps) {
  const { c } = useTheme();
  return (
    <Row gap="s3" role="group" label={`${label}: ${words}`} testID={testID}>
      <Row flex={1} gap="s1">
        {Array.from({ length: parts }, (_, index) => (
          <Box
            key={index}
            flex={1}
            style={[
              styles.part,
              { backgroundColor: index < filled ? toneColor(c, tone) : c.surface.s3 },
            ]}
          />
        ))}
      </Row>
      <Text variant="label" tone={tone} live="polite">
        {words}
      </Text>
    </Row>
  );
}

/** Where a person is in a short run of pages. */
export function Steps({ at, of, label }: { at: number; of: number; label: string }) {
  const { c } = useTheme();
  return (
    <Row gap="s1" role="img" label={label}>
      {Array.from({ length: of }, (_, index) => (
        <Box
          key={index}
          style={[
            styles.step,
            index === at && styles.stepNow,
            { backgroundColor: index <= at ? c.accent.base : c.surface.s3 },
          ]}
        />
      ))}
    </Row>
  );
}

const styles = StyleSheet.create({
  part: { height: 5, borderRadius: 3 },
  step: { width: 16, height: 4, borderRadius: 2 },
  stepNow: { width: 28 },
});
