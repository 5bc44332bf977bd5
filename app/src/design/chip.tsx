/** A short fact in a pill: reads, does not react. */
import { StyleSheet } from 'react-native';

import { Row } from '@/design/box';
import { Icon, type IconShape } from '@/design/icon';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, radius, space } from '@/design/tokens';

export interface ChipProps {
  text: string;
  icon?: IconShape;
  tone?: 'plain' | 'accent' | 'warning' | 'simulated';
  testID?: string;
}

export function Chip({ text, icon, tone = 'plain', testID }: ChipProps) {
  const { c } = useTheme();
  const ink = tone === 'plain' ? 'secondary' : tone;
  const colors =
    tone === 'plain'
      ? { backgroundColor: c.surface.s2, borderColor: c.line.subtle }
      : { backgroundColor: c[tone].tint, borderColor: c[tone].tint };
  return (
    <Row gap="s1" testID={testID} style={[styles.chip, colors]}>
      {icon ? <Icon of={icon} size="sm" tone={ink} /> : null}
      <Text variant="caption" tone={ink} lines={1}>
        {text}
      </Text>
    </Row>
  );
}

const styles = StyleSheet.create({
  chip: {
    borderRadius: radius.pill,
    borderWidth: border.thin,
    paddingHorizontal: space.s2,
    paddingVertical: 3,
  },
});
