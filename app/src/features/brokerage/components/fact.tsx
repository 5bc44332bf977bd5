/** One thing to know before agreeing, with its icon. */
import { Box, Row } from '@/design/box';
import { Icon, type IconShape } from '@/design/icon';
import { Text, type Tone } from '@/design/text';

export function Fact({ icon, text, tone = 'accent' }: FactProps) {
  return (
    <Row gap="s3" align="flex-start">
      <Icon of={icon} tone={tone} />
      <Box flex={1}>
        <Text tone="secondary">{text}</Text>
      </Box>
    </Row>
  );
}

interface FactProps {
  icon: IconShape;
  text: string;
  tone?: Tone;
}
