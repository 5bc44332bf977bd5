/** What stands where data would be: nothing yet, or what went wrong and what to do next. */
import type { ReactNode } from 'react';
import { StyleSheet } from 'react-native';

import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Icon, type IconShape } from '@/design/icon';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, radius } from '@/design/tokens';

export interface Action {
  title: string;
  onPress: () => void;
}

export interface EmptyProps {
  title: string;
  text: string;
  art?: ReactNode;
  action?: Action;
  second?: Action;
}

export function EmptyState({ title, text, art, action, second }: EmptyProps) {
  return (
    <Box align="center" padX="s6" padY="s8" gap="s2">
      {art}
      <Text variant="title2" heading={2} align="center">
        {title}
      </Text>
      <Text tone="secondary" align="center">
        {text}
      </Text>
      <Box width="100%" gap="s1" padY="s2">
        {action ? <Button title={action.title} onPress={action.onPress} /> : null}
        {second ? <Button kind="text" title={second.title} onPress={second.onPress} /> : null}
      </Box>
    </Box>
  );
}

export interface ErrorCardProps {
  icon: IconShape;
  title: string;
  text: string;
  note?: string;
  code?: string;
  action?: Action;
  second?: Action;
}

export function ErrorCard({ icon, title, text, note, code, action, second }: ErrorCardProps) {
  const { c } = useTheme();
  return (
    <Box
      role="alert"
      surface="s1"
      pad="s4"
      gap="s3"
      testID="error-card"
      style={[styles.card, { borderColor: c.danger.line }]}
    >
      <Row gap="s3" align="flex-start">
        <Icon of={icon} tone="danger" />
        <Box flex={1} gap="s1">
          <Text variant="title3">{title}</Text>
          <Text variant="label" tone="secondary">
            {text}
          </Text>
        </Box>
      </Row>
      {action ? (
        <Row gap="s2">
          <Button grow title={action.title} onPress={action.onPress} />
          {second ? <Button kind="outlined" title={second.title} onPress={second.onPress} /> : null}
        </Row>
      ) : null}
      {note || code ? (
        <Row justify="space-between" gap="s2">
          <Text variant="caption" tone="tertiary" style={styles.note}>
            {note ?? ''}
          </Text>
          <Text variant="caption" tone="tertiary" selectable>
            {code ?? ''}
          </Text>
        </Row>
      ) : null}
    </Box>
  );
}

const styles = StyleSheet.create({
  card: { borderRadius: radius.lg, borderWidth: border.thin },
  note: { flexShrink: 1 },
});
