/** One symbol as the middle pane of a wide window. */
import { useQuery } from '@tanstack/react-query';
import { useWindowDimensions } from 'react-native';

import { quotesQuery } from '@/api/market-queries';
import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { SymbolBody } from '@/features/symbol/components/symbol-body';
import { WatchButton } from '@/features/symbol/components/watch-button';

/** What stands below the chart at full height: figures and the smile. */
const BELOW = 640;
const CHART_MIN = 220;
const CHART_MAX = 380;

export function SymbolPane({ symbol }: { symbol: string }) {
  const { data } = useQuery(quotesQuery([symbol]));
  const { height } = useWindowDimensions();
  const chartHeight = Math.max(CHART_MIN, Math.min(CHART_MAX, height - BELOW));
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
      <SymbolBody
        symbol={symbol}
        chartHeight={chartHeight}
        teaser={false}
        onChain={() => undefined}
      />
    </Box>
  );
}
