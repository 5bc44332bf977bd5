/** The strikes of one date and root: centred on the money, keeping its place while values change. */
import { useCallback, useMemo, type Ref } from 'react';
import { useWindowDimensions } from 'react-native';

import { Box } from '@/design/box';
import { WindowList, type WindowListHandle } from '@/design/window-list';
import { dropsColumn, type ColumnSet } from '@/features/chain/columns';
import { ChainHead } from '@/features/chain/components/chain-head';
import { EdgeLine, MoneyLine } from '@/features/chain/components/lines';
import { StrikeLine } from '@/features/chain/components/strike-line';
import {
  itemsOf,
  maxOpenInterest,
  moneyIndex,
  moneySlot,
  type Item,
  type StrikeRow,
} from '@/features/chain/model';
import { covers, type StrikeSpan } from '@/stream/listing';
import type { ContractInfo } from '@/stream/protocol';

export interface ChainTableProps {
  symbol: string;
  label: string;
  rows: readonly StrikeRow[];
  spot: number | null;
  move: number | null;
  set: ColumnSet;
  stale: boolean;
  /** The strikes kept up to date: others look old until they are too. */
  covered: StrikeSpan | null;
  onShown: (shown: StrikeSpan) => void;
  selectedKey: string | null;
  handle: Ref<WindowListHandle>;
  onOpen: (info: ContractInfo) => void;
}

/** Items that change only when a line moves between other strikes, not with every tick. */
function useItems(rows: readonly StrikeRow[], spot: number | null, move: number | null): Item[] {
  const slots = [
    moneySlot(rows, spot),
    moneySlot(rows, spot === null || move === null ? null : spot - move),
    moneySlot(rows, spot === null || move === null ? null : spot + move),
  ].join();
  // eslint-disable-next-line react-hooks/exhaustive-deps -- spot and move enter through `slots`
  return useMemo(() => itemsOf(rows, spot, move), [rows, slots]);
}

export function ChainTable(props: ChainTableProps) {
  const { symbol, rows, set, stale, covered, selectedKey, onShown, onOpen } = props;
  const items = useItems(rows, props.spot, props.move);
  const oiMax = maxOpenInterest(rows);
  const { width } = useWindowDimensions();
  const wide = dropsColumn(props.spot, width);
  const onWindow = useCallback(
    (drawn: readonly Item[]) => {
      const strikes = drawn.flatMap((item) => (item.kind === 'strike' ? [item.row.strike] : []));
      const [from, to] = [strikes[0], strikes.at(-1)];
      if (from !== undefined && to !== undefined) onShown({ from, to });
    },
    [onShown],
  );
  const render = (item: Item) => {
    if (item.kind === 'money') return <MoneyLine symbol={symbol} stale={stale} />;
    if (item.kind === 'edge') return <EdgeLine side={item.side} value={item.value} />;
    return (
      <StrikeLine
        item={item}
        set={set}
        stale={stale || !covers(covered, item.row.strike)}
        selectedKey={selectedKey}
        oiMax={oiMax}
        wide={wide}
        onOpen={onOpen}
      />
    );
  };
  return (
    <Box flex={1} style={{ minHeight: 0 }}>
      <ChainHead set={set} wide={wide} />
      <WindowList
        items={items}
        render={render}
        onWindow={onWindow}
        centreOn={moneyIndex(items)}
        label={props.label}
        handle={props.handle}
        testID="chain-list"
      />
    </Box>
  );
}
