/** One side of one strike: four live cells and the open-interest bar, pressed as one. */
import { memo } from 'react';
import { StyleSheet } from 'react-native';

import { Box } from '@/design/box';
import { PriceCell } from '@/design/price-cell';
import { Spoken } from '@/design/spoken';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border } from '@/design/tokens';
import { Touchable } from '@/design/touchable';
import {
  cellText,
  cellValue,
  columnsOf,
  columnWord,
  isPrice,
  type ColumnName,
  type ColumnSet,
} from '@/features/chain/columns';
import { useCellLabel } from '@/features/chain/components/use-cell-label';
import { t } from '@/i18n/t';
import { isNumber, strike as strikeText, type Maybe } from '@/lib/format';
import { useContractTick } from '@/stream/hooks';
import type { ContractInfo } from '@/stream/protocol';

export interface ChainCellProps {
  info: ContractInfo;
  set: ColumnSet;
  itm: boolean;
  stale: boolean;
  selected: boolean;
  oiShare: number;
  wide: boolean;
  onOpen: (info: ContractInfo) => void;
}

function Figure({
  name,
  value,
  at,
  stale,
}: {
  name: ColumnName;
  value: Maybe;
  at: number;
  stale: boolean;
}) {
  const known = isNumber(value);
  const quiet = isPrice(name) && name !== 'last' ? 'primary' : 'secondary';
  const tone = !known ? 'tertiary' : stale ? 'stale' : quiet;
  const text = cellText(name, value);
  if (name !== 'bid' && name !== 'ask') {
    return (
      <Text variant="numDense" tone={tone} align="right" lines={1}>
        {text}
      </Text>
    );
  }
  return <PriceCell value={value} text={text} at={at} tone={tone} flash={!stale} />;
}

interface FiguresProps {
  info: ContractInfo;
  names: readonly ColumnName[];
  stale: boolean;
}

/** The part that follows the market: what surrounds it does not render on a tick. */
const Figures = memo(function Figures({ info, names, stale }: FiguresProps) {
  const tick = useContractTick(info.key);
  return names.map((name) => (
    <Box key={name} style={styles.figure}>
      <Figure name={name} value={cellValue(name, tick, info)} at={tick?.at ?? 0} stale={stale} />
    </Box>
  ));
});

export const ChainCell = memo(function ChainCell(props: ChainCellProps) {
  const { info, set, itm, stale, selected, oiShare } = props;
  const { c } = useTheme();
  const side = info.right === 'C' ? 'call' : 'put';
  const names = columnsOf(set, side, props.wide);
  const heads = names.map((name) => t(columnWord(name))).join(', ');
  const title = t(side === 'call' ? 'chain.cell.call' : 'chain.cell.put', {
    strike: strikeText(info.strike),
  });
  const words = `${title}, ${heads}`;
  return (
    <Touchable
      label={useCellLabel(info, set, props.wide, words)}
      testID={`cell-${info.key}`}
      onPress={() => props.onOpen(info)}
      onLongPress={() => props.onOpen(info)}
      style={[
        styles.cell,
        side === 'call' ? styles.call : styles.put,
        { borderBottomColor: c.line.subtle },
        itm && { backgroundColor: c.chain.itm },
        selected && { backgroundColor: c.accent.tint },
      ]}
    >
      <Spoken text={`${words}: `} />
      <Figures info={info} names={names} stale={stale} />
      {selected ? (
        <Box pointerEvents="none" style={[styles.selected, { borderColor: c.accent.base }]} />
      ) : null}
      {oiShare > 0 ? (
        <Box
          style={[
            styles.bar,
            side === 'call' ? styles.barCall : styles.barPut,
            { width: `${oiShare * (set === 'all' ? 30 : 52)}%`, backgroundColor: c.accent.line },
          ]}
        />
      ) : null}
    </Touchable>
  );
});

const styles = StyleSheet.create({
  cell: {
    flex: 1,
    height: 44,
    flexDirection: 'row',
    alignItems: 'center',
    borderBottomWidth: border.thin,
    minWidth: 0,
  },
  call: { paddingRight: 5 },
  put: { paddingRight: 5 },
  figure: { flex: 1, minWidth: 0 },
  selected: {
    position: 'absolute',
    top: 0,
    bottom: 0,
    left: 0,
    right: 0,
    borderWidth: border.focus,
    borderRadius: 6,
  },
  bar: { position: 'absolute', bottom: 1, height: 2, borderRadius: 1 },
  barCall: { right: 3 },
  barPut: { left: 3 },
});
