/** The chain on a phone: reading above, choosing below where the thumb is. */
import { useRef, useState } from 'react';
import { useWindowDimensions } from 'react-native';

import { Box, Row } from '@/design/box';
import { IconButton } from '@/design/button';
import { Change } from '@/design/direction';
import { icons } from '@/design/icons';
import { Header, Screen } from '@/design/screen';
import { Segmented } from '@/design/segmented';
import { Text } from '@/design/text';
import type { WindowListHandle } from '@/design/window-list';
import { ALL_COLUMNS_FROM, CHOICES, type ColumnSet } from '@/features/chain/columns';
import { ChainBody } from '@/features/chain/components/chain-body';
import { ContractSheet } from '@/features/chain/components/contract-sheet';
import { ExpiryRail } from '@/features/chain/components/expiry-rail';
import { SummaryBar } from '@/features/chain/components/summary-bar';
import { itemsOf, moneyIndex } from '@/features/chain/model';
import { useChainView, type ChainView } from '@/features/chain/use-chain-view';
import { t } from '@/i18n/t';
import { compact, price, signedPercent } from '@/lib/format';
import { changeFraction } from '@/lib/market-math';
import { LiveFreshness } from '@/stream/live-freshness';
import type { ContractInfo } from '@/stream/protocol';

export interface ChainScreenProps {
  symbol: string;
  expiration: string | null;
  onExpiration: (date: string) => void;
  onBack: () => void;
}

const OPTIONS = CHOICES.map((value) => ({
  value: value as ColumnSet,
  label: t(`chain.set.${value}`),
}));

const LOW_WINDOW = 480;

function Title({
  symbol,
  view,
  onBack,
  onCentre,
}: {
  symbol: string;
  view: ChainView;
  onBack: () => void;
  onCentre: () => void;
}) {
  const { tick, spot, stale } = view;
  const fraction = changeFraction(spot, tick?.previousClose);
  return (
    <Header>
      <IconButton edge icon={icons.back} label={t('nav.back')} onPress={onBack} testID="back" />
      <Box flex={1}>
        <Row gap="s2" align="baseline">
          <Text variant="title3" heading={1}>
            {symbol}
          </Text>
          <Text variant="title3" weight={500} numeric tone={stale ? 'stale' : 'primary'}>
            {price(spot)}
          </Text>
          <Change
            value={fraction === null ? null : fraction * 100}
            text={signedPercent(fraction)}
            stale={stale}
          />
        </Row>
        <LiveFreshness
          quality={view.quality}
          asOf={tick?.asOf ?? null}
          middle={view.count > 0 ? t('chain.contracts', { count: compact(view.count) }) : undefined}
        />
      </Box>
      <IconButton icon={icons.centre} label={t('chain.centre')} onPress={onCentre} />
    </Header>
  );
}

export function ChainScreen({ symbol, expiration, onExpiration, onBack }: ChainScreenProps) {
  const view = useChainView(symbol, expiration);
  const [chosen, setSet] = useState<ColumnSet>('greeks');
  const { width, height } = useWindowDimensions();
  // A phone on its side, and a tablet, have room for every column: there is nothing to choose.
  const roomy = width >= ALL_COLUMNS_FROM;
  const set = roomy ? 'all' : chosen;
  const [opened, setOpened] = useState<ContractInfo | null>(null);
  const list = useRef<WindowListHandle>(null);
  const centre = () =>
    list.current?.centre(moneyIndex(itemsOf(view.rows, view.spot, view.move)), true);
  return (
    <Screen
      label={t('chain.title', { symbol })}
      testID="chain-screen"
      header={<Title symbol={symbol} view={view} onBack={onBack} onCentre={centre} />}
      dock={
        <Box gap="s2" style={{ marginTop: -6 }}>
          {view.expirations.error !== null && view.expirations.data === undefined ? null : (
            <Box style={{ marginHorizontal: -16 }}>
              <ExpiryRail
                expirations={view.expirations.data?.expirations}
                selected={view.expiration?.date ?? null}
                onSelect={onExpiration}
              />
            </Box>
          )}
          {roomy ? null : (
            <Segmented options={OPTIONS} value={set} onChange={setSet} label={t('chain.columns')} />
          )}
        </Box>
      }
    >
      {height < LOW_WINDOW && view.roots.length < 2 ? null : (
        <SummaryBar
          roots={view.roots}
          root={view.root}
          iv={view.iv}
          move={view.move}
          spot={view.spot}
          onRoot={view.setRoot}
        />
      )}
      <ChainBody
        symbol={symbol}
        view={view}
        set={set}
        selectedKey={opened?.key ?? null}
        handle={list}
        onOpen={setOpened}
      />
      <ContractSheet
        symbol={symbol}
        expiration={view.expiration?.date ?? ''}
        days={view.expiration?.days ?? 0}
        info={opened}
        root={view.terms}
        quality={view.quality}
        stale={view.stale}
        onClose={() => setOpened(null)}
      />
    </Screen>
  );
}
