/** The indices this feed has, in one line. */
import { StyleSheet } from 'react-native';

import { Box, Row } from '@/design/box';
import { Change } from '@/design/direction';
import { PriceCell } from '@/design/price-cell';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { Touchable } from '@/design/touchable';
import { tapeName } from '@/features/markets/model';
import { t } from '@/i18n/t';
import { price, signedPercent } from '@/lib/format';
import { changeFraction } from '@/lib/market-math';
import { kindOf, type Outage } from '@/stream/freshness';
import { useQuoteTick } from '@/stream/hooks';

interface TapeProps {
  symbols: readonly string[];
  outage: Outage;
  inline?: boolean;
  onOpen: (symbol: string) => void;
}

function Item({ symbol, outage, inline, onOpen }: { symbol: string } & Omit<TapeProps, 'symbols'>) {
  const tick = useQuoteTick(symbol);
  if (tick === undefined) return null;
  const stale = kindOf(tick.quality, outage) === 'stale';
  const fraction = changeFraction(tick.last, tick.previousClose);
  return (
    <Touchable
      onPress={() => onOpen(symbol)}
      style={inline ? styles.inline : styles.item}
      testID={`tape-${symbol}`}
    >
      <Text variant="caption" tone="secondary" lines={1}>
        {tapeName(symbol)}
      </Text>
      <Row>
        <PriceCell
          value={tick.last}
          text={price(tick.last)}
          at={tick.at}
          variant="label"
          tone={stale ? 'stale' : 'primary'}
          align="left"
          flash={!stale}
        />
      </Row>
      <Row justify="flex-start">
        <Change
          value={fraction === null ? null : fraction * 100}
          text={signedPercent(fraction)}
          stale={stale}
          variant="caption"
        />
      </Row>
    </Touchable>
  );
}

export function Tape({ symbols, outage, inline = false, onOpen }: TapeProps) {
  const { c } = useTheme();
  if (symbols.length === 0) return null;
  return (
    <Row role="group" label={t('markets.tape')} padX={inline ? undefined : 's4'} align="stretch">
      {symbols.map((symbol, index) => (
        <Row key={symbol} flex={inline ? undefined : 1} align="stretch">
          {index > 0 ? (
            <Box width={1} style={[styles.rule, { backgroundColor: c.line.subtle }]} />
          ) : null}
          <Item symbol={symbol} outage={outage} inline={inline} onOpen={onOpen} />
        </Row>
      ))}
    </Row>
  );
}

const styles = StyleSheet.create({
  item: { flex: 1, minHeight: 52, justifyContent: 'center' },
  inline: {
    minHeight: 44,
    flexDirection: 'row',
    alignItems: 'center',
    gap: 6,
    paddingHorizontal: 10,
  },
  rule: { marginVertical: 4, marginRight: 10 },
});
