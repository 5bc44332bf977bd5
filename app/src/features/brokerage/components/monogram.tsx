/** A broker's tile: letters in neutral ink, so that no logo competes with data. */
import { StyleSheet } from 'react-native';

import { Box } from '@/design/box';
import { Text } from '@/design/text';
import { radius } from '@/design/tokens';
import { monogram } from '@/features/brokerage/model';

export function Monogram({ label }: { label: string }) {
  return (
    <Box hidden align="center" justify="center" surface="s3" style={styles.tile}>
      <Text variant="label" weight={600} tone="secondary">
        {monogram(label)}
      </Text>
    </Box>
  );
}

const styles = StyleSheet.create({ tile: { width: 44, height: 44, borderRadius: radius.md } });
