/** The wide window: list, symbol and chain side by side under one bar. */
import { useRouter } from 'expo-router';
import { StyleSheet } from 'react-native';

import { deviceList } from '@/api/device-list';
import { Box, Row, Spacer } from '@/design/box';
import { Card } from '@/design/card';
import { Screen } from '@/design/screen';
import { Text } from '@/design/text';
import { layout } from '@/design/tokens';
import { ChainPane } from '@/features/chain/chain-pane';
import { MarketsPane } from '@/features/markets/markets-pane';
import { TopTape } from '@/features/markets/top-tape';
import { SymbolPane } from '@/features/symbol/symbol-pane';
import { t } from '@/i18n/t';
import { exchangeTime } from '@/lib/dates';
import { useStore } from '@/lib/external-store';
import { useMarketNow } from '@/stream/hooks';

export interface WorkspaceProps {
  symbol: string | null;
  expiration: string | null;
}

function Clock() {
  const now = useMarketNow();
  return (
    <Text variant="label" tone="secondary" numeric lines={1}>
      {t('clock.et', { time: exchangeTime(now) })}
    </Text>
  );
}

function TopBar({ onOpen }: { onOpen: (symbol: string) => void }) {
  return (
    <Row padX="s4" gap="s4" height={56} rule="bottom">
      <Text variant="title2" heading={1}>
        {t('markets.title')}
      </Text>
      <Spacer />
      <TopTape onOpen={onOpen} />
      <Clock />
    </Row>
  );
}

export function Workspace({ symbol, expiration }: WorkspaceProps) {
  const router = useRouter();
  const { symbols } = useStore(deviceList);
  const shown = symbol ?? symbols[0] ?? null;
  const open = (next: string) => router.setParams({ symbol: next, expiration: undefined });
  return (
    <Screen label={t('markets.title')} testID="workspace" header={<TopBar onOpen={open} />}>
      <Row flex={1} align="stretch" style={styles.panes}>
        <Card style={styles.list}>
          <MarketsPane selected={shown} onOpen={open} />
        </Card>
        {shown === null ? (
          <Box flex={1} />
        ) : (
          <>
            <Card style={styles.symbol}>
              <SymbolPane key={shown} symbol={shown} />
            </Card>
            <Card style={styles.chain}>
              <ChainPane
                key={shown}
                symbol={shown}
                expiration={expiration}
                onExpiration={(date) => router.setParams({ expiration: date })}
              />
            </Card>
          </>
        )}
      </Row>
    </Screen>
  );
}

const styles = StyleSheet.create({
  panes: { padding: layout.desktop.gutter, gap: layout.desktop.gutter, minHeight: 0 },
  list: { width: 224 },
  symbol: { flex: 4, minWidth: 320 },
  chain: { flex: 7, minWidth: 440 },
});
