/** What went wrong with a form and is about none of its fields. */
import { Box } from '@/design/box';
import { Text } from '@/design/text';

export function FormError({ text }: { text: string | null }) {
  if (text === null || text === '') return null;
  return (
    <Box role="alert">
      <Text variant="label" tone="danger" testID="form-error">
        {text}
      </Text>
    </Box>
  );
}
