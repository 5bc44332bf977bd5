/** One symbol on a phone: price and chart above, figures below, the chain one tap away. */
import { useQuery } from '@tanstack/react-query';

import { quotesQuery } from '@/api/market-queries';
import { Box, Row } from '@/design/box';
import { Button, IconButton } from '@/design/button';
import { icons } from '@/design/icons';
import { Header, Screen } from '@/design/screen';
import { Text } from '@/design/text';
import { SymbolBody } from '@/features/symbol/components/symbol-body';
import { WatchButton } from '@/features/symbol/components/watch-button';
import { t } from '@/i18n/t';

export interface SymbolScreenProps {
  symbol: string;
  onBack: () => void;
  onChain: (expiration: string | null) => void;
}

export function SymbolScreen({ symbol, onBack, onChain }: SymbolScreenProps) {
  const { data } = useQuery(quotesQuery([symbol]));
  const name = data?.quotes[0]?.name ?? '';
  return (
    <Screen
      label={symbol}
      testID="symbol-screen"
      header={
        <Header>
          <IconButton edge icon={icons.back} label={t('nav.back')} onPress={onBack} testID="back" />
          <Row flex={1} gap="s2" align="baseline">
            <Text variant="title2" heading={1}>
              {symbol}
            </Text>
            <Box flex={1}>
              <Text variant="label" tone="tertiary" lines={1}>
                {name}
              </Text>
            </Box>
          </Row>
          <WatchButton symbol={symbol} />
        </Header>
      }
      dock={<Button title={t('symbol.chain')} onPress={() => onChain(null)} testID="open-chain" />}
    >
      <SymbolBody symbol={symbol} chartHeight={272} teaser onChain={onChain} />
    </Screen>
  );
}
