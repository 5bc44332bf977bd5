/** A sentence that stays beside what it is about: information, a warning, or what has worked. */
import { Box, Row } from '@/design/box';
import { Icon, type IconShape } from '@/design/icon';
import { icons } from '@/design/icons';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, radius } from '@/design/tokens';

export interface NoticeProps {
  kind: 'info' | 'warning' | 'done';
  text: string;
  title?: string;
  icon?: IconShape;
  testID?: string;
}

const LOOK = {
  info: { icon: icons.info, tone: 'accent' },
  warning: { icon: icons.warning, tone: 'warning' },
  done: { icon: icons.circleCheck, tone: 'accent' },
} as const;

export function Notice({ kind, text, title, icon, testID }: NoticeProps) {
  const { c } = useTheme();
  const { icon: usual, tone } = LOOK[kind];
  const colors = kind === 'warning' ? c.warning : c.accent;
  return (
    <Row
      role={kind === 'info' ? undefined : 'status'}
      gap="s3"
      pad="s3"
      align="flex-start"
      testID={testID}
      style={{
        backgroundColor: colors.tint,
        borderColor: colors.line,
        borderWidth: border.thin,
        borderRadius: radius.md,
      }}
    >
      <Icon of={icon ?? usual} tone={tone} />
      <Box flex={1}>
        {title ? (
          <Text variant="bodyStrong" tone="primary">
            {title}
          </Text>
        ) : null}
        <Text variant="label" weight={400} tone="secondary">
          {text}
        </Text>
      </Box>
    </Row>
  );
}
