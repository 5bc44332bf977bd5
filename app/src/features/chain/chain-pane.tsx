/** The chain as the right pane of a wide window: all columns, the chosen contract below. */
import { useRef, useState } from 'react';

import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Text } from '@/design/text';
import type { WindowListHandle } from '@/design/window-list';
import { ALL_COLUMNS_FROM } from '@/features/chain/columns';
import { ChainBody } from '@/features/chain/components/chain-body';
import { contractName, ContractSheet } from '@/features/chain/components/contract-sheet';
import { ExpiryRail } from '@/features/chain/components/expiry-rail';
import { SummaryBar } from '@/features/chain/components/summary-bar';
import { sentencesOf } from '@/features/chain/sentences';
import { useChainView } from '@/features/chain/use-chain-view';
import { t } from '@/i18n/t';
import { premium } from '@/lib/format';
import { useContractTick } from '@/stream/hooks';
import { LiveFreshness } from '@/stream/live-freshness';
import type { ContractInfo } from '@/stream/protocol';

export interface ChainPaneProps {
  symbol: string;
  expiration: string | null;
  onExpiration: (date: string) => void;
}

interface SelectedProps {
  symbol: string;
  expiration: string;
  info: ContractInfo | null;
  onDetails: () => void;
}

function Selected({ symbol, expiration, info, onDetails }: SelectedProps) {
  const tick = useContractTick(info?.key ?? '');
  if (info === null || tick === undefined) {
    return (
      <Box pad="s4" rule="top" surface="s1">
        <Text variant="label" tone="tertiary">
          {t('contract.pick')}
        </Text>
      </Box>
    );
  }
  const lines = sentencesOf(tick, symbol).filter((line) => line.name !== 'contract.name.rho');
  const words = lines
    .filter((line) => line.name !== 'contract.name.gamma')
    .map((line) => t(line.text, line.values));
  return (
    <Row pad="s4" gap="s6" rule="top" surface="s1" testID="selected-contract">
      <Box width={190}>
        <Text variant="caption" tone="tertiary">
          {t('contract.selected')}
        </Text>
        <Text variant="title3">{contractName(symbol, expiration, info)}</Text>
        <Text variant="label" tone="secondary" numeric>
          {premium(tick.bid)} × {premium(tick.ask)}
        </Text>
      </Box>
      <Box flex={1}>
        <Text variant="label" tone={tick.status === 'ok' ? 'secondary' : 'warning'}>
          {tick.status === 'ok' ? words.join(' ') : t(`status.${tick.status}`)}
        </Text>
      </Box>
      <Button kind="outlined" title={t('contract.details')} onPress={onDetails} />
    </Row>
  );
}

export function ChainPane({ symbol, expiration, onExpiration }: ChainPaneProps) {
  const view = useChainView(symbol, expiration);
  const [width, setWidth] = useState(0);
  const [selected, setSelected] = useState<ContractInfo | null>(null);
  const [opened, setOpened] = useState(false);
  const list = useRef<WindowListHandle>(null);
  const date = view.expiration?.date ?? '';
  return (
    <Box
      flex={1}
      style={{ minHeight: 0 }}
      testID="chain-pane"
      onLayout={(event) => setWidth(event.nativeEvent.layout.width)}
    >
      <Row padY="s1" style={{ paddingRight: 16 }} gap="s3">
        <Box flex={1} style={{ minWidth: 0 }}>
          <ExpiryRail
            expirations={view.expirations.data?.expirations}
            selected={view.expiration?.date ?? null}
            onSelect={onExpiration}
          />
        </Box>
        <LiveFreshness quality={view.quality} asOf={view.tick?.asOf ?? null} />
      </Row>
      <SummaryBar
        roots={view.roots}
        root={view.root}
        iv={view.iv}
        move={view.move}
        spot={view.spot}
        onRoot={view.setRoot}
      />
      <ChainBody
        symbol={symbol}
        view={view}
        set={width >= ALL_COLUMNS_FROM ? 'all' : 'greeks'}
        selectedKey={selected?.key ?? null}
        handle={list}
        onOpen={setSelected}
      />
      <Selected
        symbol={symbol}
        expiration={date}
        info={selected}
        onDetails={() => setOpened(true)}
      />
      <ContractSheet
        symbol={symbol}
        expiration={date}
        days={view.expiration?.days ?? 0}
        info={opened ? selected : null}
        root={view.terms}
        quality={view.quality}
        stale={view.stale}
        onClose={() => setOpened(false)}
      />
    </Box>
  );
}
