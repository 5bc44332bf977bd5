/** One line of the account page: a name and its value. */
import { StyleSheet } from 'react-native';

import { Box, Row } from '@/design/box';
import { Text, type Tone } from '@/design/text';
import { touch } from '@/design/tokens';

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

const styles = StyleSheet.create({
  row: { minHeight: touch.row.single, paddingVertical: 8 },
  value: { flexShrink: 1 },
});
