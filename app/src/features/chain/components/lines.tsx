/** The lines between rows: where the price stands, and the edges of the expected move. */
import { StyleSheet } from 'react-native';
import Svg, { Line } from 'react-native-svg';

import { Box, Row } from '@/design/box';
import { Triangle } from '@/design/direction';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { HEIGHTS } from '@/features/chain/model';
import { t } from '@/i18n/t';
import { direction, price, signedPercent } from '@/lib/format';
import { changeFraction, priceOf } from '@/lib/market-math';
import { useQuoteTick } from '@/stream/hooks';

export function MoneyLine({ symbol, stale }: { symbol: string; stale: boolean }) {
  const { c } = useTheme();
  const tick = useQuoteTick(symbol);
  const last = tick === undefined ? null : priceOf(tick.last, tick.bid, tick.ask);
  const fraction = changeFraction(last, tick?.previousClose);
  const way = direction(fraction === null ? null : fraction * 100);
  const color = stale ? c.stale.base : c.chain.atmLine;
  return (
    <Box height={HEIGHTS.money} justify="center" align="center" testID="money-line">
      <Box style={[styles.rule, { backgroundColor: color }]} />
      <Row gap="s1" padX="s3" radius="pill" style={[styles.pill, { backgroundColor: color }]}>
        <Text variant="label" weight={600} tone="inverse" numeric>
          {symbol} {price(last)}
        </Text>
        {way !== null && way !== 0 && !stale ? (
          <Triangle up={way > 0} size={7} tone="inverse" />
        ) : null}
        <Text variant="label" weight={600} tone="inverse" numeric>
          {signedPercent(fraction)}
        </Text>
      </Row>
    </Box>
  );
}

function Dashes() {
  const { c } = useTheme();
  return (
    <Box flex={1}>
      <Svg width="100%" height={2} aria-hidden>
        <Line
          x1="0"
          x2="100%"
          y1={1}
          y2={1}
          stroke={c.chain.bandEdge}
          strokeWidth={1.4}
          strokeDasharray="4 4"
        />
      </Svg>
    </Box>
  );
}

export function EdgeLine({ side, value }: { side: 'up' | 'down'; value: number }) {
  return (
    <Row height={HEIGHTS.edge} gap="s2">
      <Dashes />
      <Text variant="micro" tone="accent">
        {t(side === 'up' ? 'chain.edge.up' : 'chain.edge.down', { value: price(value) })}
      </Text>
      <Dashes />
    </Row>
  );
}

const styles = StyleSheet.create({
  rule: { position: 'absolute', left: 0, right: 0, height: 2 },
  pill: { height: 26 },
});
