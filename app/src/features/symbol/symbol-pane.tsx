/** One symbol as the middle pane of a wide window. */
import { useQuery } from '@tanstack/react-query';

import { quotesQuery } from '@/api/market-queries';
import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { SymbolBody } from '@/features/symbol/components/symbol-body';
import { WatchButton } from '@/features/symbol/components/watch-button';

export function SymbolPane({ symbol }: { symbol: string }) {
  const { data } = useQuery(quotesQuery([symbol]));
  return (
    <Box flex={1} style={{ minHeight: 0 }}>
      <Row padX="s4" gap="s2" height={48}>
        <Text variant="title3" heading={2}>
          {symbol}
        </Text>
        <Box flex={1}>
          <Text variant="label" tone="tertiary" lines={1}>
            {data?.quotes[0]?.name ?? ''}
          </Text>
        </Box>
        <WatchButton symbol={symbol} />
      </Row>
      <SymbolBody symbol={symbol} chartHeight={320} teaser={false} onChain={() => undefined} />
    </Box>
  );
}
