/** The strikes around the price of the nearest monthly, as a taste of the chain. */
import { StyleSheet } from 'react-native';

import type { Chain, Expiration } from '@/api/types';
import { Box, Row } from '@/design/box';
import { Card } from '@/design/card';
import { Skeleton } from '@/design/skeleton';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { Touchable } from '@/design/touchable';
import { strikesAround } from '@/features/symbol/model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import { fixed, percent, premium, price, strike as strikeText } from '@/lib/format';
import { useContractTick } from '@/stream/hooks';

export interface ChainTeaserProps {
  expiration: Expiration;
  chain: Chain | undefined;
  spot: number | null;
  stale: boolean;
  onOpen: () => void;
}

interface SideProps {
  contractKey: string;
  side: 'call' | 'put';
  itm: boolean;
  stale: boolean;
}

function Side({ contractKey, side, itm, stale }: SideProps) {
  const { c } = useTheme();
  const tick = useContractTick(contractKey);
  const tone = stale ? 'stale' : 'primary';
  const quote = (
    <Text variant="label" tone={tone} numeric align={side === 'call' ? 'left' : 'right'} lines={1}>
      {premium(tick?.bid)} × {premium(tick?.ask)}
    </Text>
  );
  const delta = (
    <Text variant="label" tone={stale ? 'stale' : 'secondary'} numeric>
      {fixed(tick?.delta, 2)}
    </Text>
  );
  return (
    <Row
      flex={1}
      gap="s2"
      padX="s3"
      justify="space-between"
      style={[styles.side, itm && { backgroundColor: c.chain.itm }]}
    >
      {side === 'call' ? delta : quote}
      {side === 'call' ? quote : delta}
    </Row>
  );
}

function Heads() {
  const head = (text: string) => (
    <Text variant="micro" tone="tertiary">
      {text}
    </Text>
  );
  return (
    <Row height={28}>
      <Row flex={1} padX="s3" justify="space-between">
        {head(t('teaser.delta'))}
        {head(t('teaser.call'))}
      </Row>
      <Box width={54} align="center">
        {head(t('teaser.strike'))}
      </Box>
      <Row flex={1} padX="s3" justify="space-between">
        {head(t('teaser.put'))}
        {head(t('teaser.delta'))}
      </Row>
    </Row>
  );
}

function Rows({ chain, spot, stale }: { chain: Chain; spot: number; stale: boolean }) {
  const { c } = useTheme();
  const root = chain.roots[chain.roots.length - 1]?.root;
  const mine = chain.contracts.filter((contract) => contract.root === root);
  const around = strikesAround(
    mine.map((contract) => contract.strike),
    spot,
    4,
  );
  return around.map((strike) => {
    const key = (right: 'C' | 'P') =>
      mine.find((each) => each.strike === strike && each.right === right)?.key ?? '';
    return (
      <Row key={strike} rule="top" height={44} align="stretch">
        <Side contractKey={key('C')} side="call" itm={strike < spot} stale={stale} />
        <Box width={54} align="center" justify="center" style={{ backgroundColor: c.chain.strike }}>
          <Text variant="num" weight={600}>
            {strikeText(strike)}
          </Text>
        </Box>
        <Side contractKey={key('P')} side="put" itm={strike > spot} stale={stale} />
      </Row>
    );
  });
}

export function ChainTeaser({ expiration, chain, spot, stale, onOpen }: ChainTeaserProps) {
  const move = expiration.expected_move;
  return (
    <Box padX="s4">
      <Touchable onPress={onOpen} quiet testID="teaser">
        <Card>
          <Row padX="s3" gap="s2" height={44}>
            <Text variant="title3">{shortDate(expiration.date)}</Text>
            <Text variant="label" tone="tertiary">
              {expiration.days}d
            </Text>
            <Box flex={1} />
            {move === null ? null : (
              <Text variant="label" tone="secondary" numeric>
                {t('teaser.move')}{' '}
                <Text variant="label" weight={600} numeric>
                  ±{price(move)}
                </Text>{' '}
                {spot === null ? '' : `(${percent(move / spot)})`}
              </Text>
            )}
          </Row>
          <Heads />
          {chain !== undefined && spot !== null ? (
            <Rows chain={chain} spot={spot} stale={stale} />
          ) : (
            <Box pad="s3" gap="s3">
              <Skeleton width="100%" height={24} />
              <Skeleton width="100%" height={24} />
            </Box>
          )}
        </Card>
      </Touchable>
    </Box>
  );
}

const styles = StyleSheet.create({ side: { height: 44 } });
