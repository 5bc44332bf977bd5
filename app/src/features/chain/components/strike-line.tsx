/** One strike: calls on the left, the strike with its IV, puts on the right. */
import { memo } from 'react';
import { StyleSheet } from 'react-native';

import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border } from '@/design/tokens';
import type { ColumnSet } from '@/features/chain/columns';
import { ChainCell } from '@/features/chain/components/chain-cell';
import { strikeIv, type Item } from '@/features/chain/model';
import { MISSING, percent, strike as strikeText } from '@/lib/format';
import { useContractTick } from '@/stream/hooks';
import type { ContractInfo } from '@/stream/protocol';

export type StrikeItem = Extract<Item, { kind: 'strike' }>;

export interface StrikeLineProps {
  item: StrikeItem;
  set: ColumnSet;
  stale: boolean;
  selectedKey: string | null;
  oiMax: number;
  wide: boolean;
  onOpen: (info: ContractInfo) => void;
}

function StrikeIv({ item, stale }: { item: StrikeItem; stale: boolean }) {
  const call = useContractTick(item.row.call?.key ?? '');
  const put = useContractTick(item.row.put?.key ?? '');
  const iv = strikeIv(call, put, item.callItm);
  return (
    <Text variant="micro" weight={500} tone={stale ? 'stale' : 'secondary'} align="center">
      {iv === null ? MISSING : percent(iv).replace('%', '')}
    </Text>
  );
}

function Side({
  info,
  itm,
  ...rest
}: { info: ContractInfo | null; itm: boolean } & Omit<StrikeLineProps, 'item'>) {
  const { c } = useTheme();
  if (info === null) {
    return (
      <Box
        flex={1}
        align="center"
        justify="center"
        style={[styles.none, { borderBottomColor: c.line.subtle }]}
      >
        <Text variant="numDense" tone="tertiary">
          {MISSING}
        </Text>
      </Box>
    );
  }
  return (
    <ChainCell
      info={info}
      set={rest.set}
      itm={itm}
      stale={rest.stale}
      wide={rest.wide}
      selected={info.key === rest.selectedKey}
      oiShare={rest.oiMax > 0 ? (info.openInterest ?? 0) / rest.oiMax : 0}
      onOpen={rest.onOpen}
    />
  );
}

export const StrikeLine = memo(function StrikeLine({ item, ...rest }: StrikeLineProps) {
  const { c } = useTheme();
  return (
    <Row align="stretch" height={44}>
      <Side info={item.row.call} itm={item.callItm} {...rest} />
      <Box
        width={strikeWidth(rest.set)}
        justify="center"
        testID={`strike-${item.row.strike}`}
        style={[
          styles.strike,
          {
            backgroundColor: item.inBand ? c.chain.band : c.chain.strike,
            borderColor: c.line.strong,
            borderBottomColor: c.line.subtle,
          },
        ]}
      >
        <Text variant="num" weight={700} align="center" lines={1}>
          {strikeText(item.row.strike)}
        </Text>
        <StrikeIv item={item} stale={rest.stale} />
      </Box>
      <Side info={item.row.put} itm={item.putItm} {...rest} />
    </Row>
  );
});

export function strikeWidth(set: ColumnSet): number {
  return set === 'all' ? 58 : 52;
}

const styles = StyleSheet.create({
  strike: {
    borderLeftWidth: border.thin,
    borderRightWidth: border.thin,
    borderBottomWidth: border.thin,
  },
  none: { borderBottomWidth: border.thin },
});
