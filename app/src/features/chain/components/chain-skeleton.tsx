/** The chain while it loads: its own rows and heights, blocks for what is not known. */
import { Box, Row } from '@/design/box';
import { Skeleton } from '@/design/skeleton';
import { ChainHead } from '@/features/chain/components/chain-head';
import type { ColumnSet } from '@/features/chain/columns';
import { strikeWidth } from '@/features/chain/components/strike-line';

const ROWS = Array.from({ length: 12 }, (_, index) => index);

export function ChainSkeleton({ set }: { set: ColumnSet }) {
  return (
    <Box flex={1} style={{ overflow: 'hidden' }} testID="chain-loading">
      <ChainHead set={set} />
      {ROWS.map((row) => (
        <Row key={row} height={44} rule="bottom" gap="s2" padX="s2">
          <Box flex={1}>
            <Skeleton width="100%" height={14} />
          </Box>
          <Box width={strikeWidth(set)} align="center">
            <Skeleton width={36} height={22} />
          </Box>
          <Box flex={1}>
            <Skeleton width="100%" height={14} />
          </Box>
        </Row>
      ))}
    </Box>
  );
}
