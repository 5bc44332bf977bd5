/** A symbol of the list that this feed has no quote for: said, not hidden, and never zero. */
import { Box, Row } from '@/design/box';
import { Freshness } from '@/design/freshness';
import { Text } from '@/design/text';
import { columns } from '@/features/markets/components/columns';
import { t } from '@/i18n/t';
import { MISSING } from '@/lib/format';

export function MissingRow({ symbol, compact }: { symbol: string; compact: boolean }) {
  return (
    <Row padX="s4" rule="bottom" style={columns.row} testID={`missing-${symbol}`}>
      <Box flex={1}>
        <Text variant="title3">{symbol}</Text>
        <Freshness kind="offline" text={t('markets.missing')} />
      </Box>
      <Box align="flex-end" style={compact ? undefined : columns.last}>
        <Text variant="num" tone="tertiary">
          {MISSING}
        </Text>
        <Text variant="label" tone="tertiary">
          {MISSING}
        </Text>
      </Box>
    </Row>
  );
}
