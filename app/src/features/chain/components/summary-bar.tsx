/** What holds for the whole date: IV at the money and the expected move; the root when there are two. */
import type { ChainRoot } from '@/api/types';
import { Box, Row } from '@/design/box';
import { Segmented } from '@/design/segmented';
import { Text } from '@/design/text';
import { t } from '@/i18n/t';
import { isNumber, percent, price } from '@/lib/format';

export interface SummaryBarProps {
  roots: readonly ChainRoot[];
  root: string | null;
  iv: number | null;
  move: number | null;
  spot: number | null;
  onRoot: (root: string) => void;
}

export function SummaryBar({ roots, root, iv, move, spot, onRoot }: SummaryBarProps) {
  return (
    <Box>
      <Row padX="s4" justify="space-between" height={38} rule="top">
        <Text variant="label" tone="secondary">
          {t('chain.iv')}{' '}
          <Text variant="label" weight={600} numeric>
            {percent(iv)}
          </Text>
        </Text>
        <Text variant="label" tone="secondary">
          {t('chain.move')}{' '}
          <Text variant="label" weight={600} tone={isNumber(move) ? 'accent' : 'tertiary'} numeric>
            {isNumber(move) ? `±${price(move)}` : price(null)}
          </Text>
          {isNumber(move) && isNumber(spot) && spot > 0 ? ` (${percent(move / spot)})` : ''}
        </Text>
      </Row>
      {roots.length > 1 && root !== null ? (
        <Box padX="s4" style={{ paddingBottom: 8 }}>
          <Segmented
            label={t('chain.root')}
            value={root}
            onChange={onRoot}
            options={roots.map((each) => ({
              value: each.root,
              label: t(each.settlement === 'am' ? 'chain.root.am' : 'chain.root.pm', {
                root: each.root,
              }),
            }))}
          />
        </Box>
      ) : null}
    </Box>
  );
}
