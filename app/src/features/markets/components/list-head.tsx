/** Heads of the list's columns, with their units. */
import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { columns } from '@/features/markets/components/columns';
import { t, type WordKey } from '@/i18n/t';

function Head({ of, align }: { of: WordKey; align?: 'left' | 'center' | 'right' }) {
  return (
    <Text variant="micro" tone="tertiary" align={align} lines={1}>
      {t(of)}
    </Text>
  );
}

export function ListHead() {
  return (
    <Row padX="s4" gap="s2" rule="bottom" height={30}>
      <Box style={columns.name}>
        <Head of="markets.column.symbol" />
      </Box>
      <Box style={columns.line}>
        <Head of="markets.column.line" align="center" />
      </Box>
      <Box style={columns.sigma}>
        <Head of="markets.column.sigma" align="center" />
      </Box>
      <Box style={columns.vol}>
        <Head of="markets.column.vol" align="right" />
      </Box>
      <Box style={columns.last}>
        <Head of="markets.column.last" align="right" />
      </Box>
    </Row>
  );
}
