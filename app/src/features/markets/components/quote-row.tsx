/** One symbol of the list: name and freshness, a month's line, the ±1σ ruler, volatility, price. */
import { memo } from 'react';
import { StyleSheet } from 'react-native';

import { Box, Row } from '@/design/box';
import { Change, directionTone } from '@/design/direction';
import { PriceCell } from '@/design/price-cell';
import { SigmaRuler } from '@/design/sigma-ruler';
import { Skeleton } from '@/design/skeleton';
import { Sparkline } from '@/design/sparkline';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { Touchable } from '@/design/touchable';
import { MissingRow } from '@/features/markets/components/missing-row';
import { RowName } from '@/features/markets/components/row-name';
import { columns } from '@/features/markets/components/columns';
import { useMonth } from '@/features/markets/api';
import { lineFacts } from '@/features/markets/model';
import { MISSING, percent, price, signed, signedPercent } from '@/lib/format';
import { changeFraction, priceOf } from '@/lib/market-math';
import { kindOf, type Outage } from '@/stream/freshness';
import { useQuoteTick } from '@/stream/hooks';
import type { QuoteTick } from '@/stream/protocol';

export interface QuoteRowProps {
  symbol: string;
  name: string;
  today: string;
  outage: Outage;
  reason: string | undefined;
  compact?: boolean;
  selected?: boolean;
  onOpen: (symbol: string) => void;
}

function Loading({ symbol }: { symbol: string }) {
  return (
    <Row padX="s4" rule="bottom" style={columns.row}>
      <Box style={columns.name} gap="s1">
        <Text variant="title3">{symbol}</Text>
        <Skeleton width={64} height={10} />
      </Box>
      <Box flex={1} />
      <Box align="flex-end" gap="s1">
        <Skeleton width={60} height={16} />
        <Skeleton width={48} height={12} />
      </Box>
    </Row>
  );
}

function Middle({
  symbol,
  today,
  tick,
  stale,
}: {
  symbol: string;
  today: string;
  tick: QuoteTick;
  stale: boolean;
}) {
  const { data } = useMonth(symbol, today);
  const last = priceOf(tick.last, tick.bid, tick.ask);
  const facts = lineFacts(data?.bars ?? [], today, last, tick.previousClose);
  const tone = directionTone(changeFraction(last, tick.previousClose), stale, 4);
  return (
    <>
      <Box style={columns.line}>
        <Sparkline
          values={facts.line}
          tone={tone === 'tertiary' ? 'flat' : tone}
          width={74}
          height={30}
        />
      </Box>
      <Box style={columns.sigma} align="center">
        {facts.sigmas === null ? null : <SigmaRuler sigmas={facts.sigmas} tone={tone} />}
      </Box>
      <Box style={columns.vol}>
        <Text variant="num" tone={stale ? 'stale' : 'secondary'} align="right" numeric>
          {percent(facts.realised, 0)}
        </Text>
        <Text variant="caption" tone={stale ? 'stale' : 'tertiary'} align="right" numeric>
          {facts.sigmas === null ? MISSING : `${signed(facts.sigmas, 1)}σ`}
        </Text>
      </Box>
    </>
  );
}

function Value({ tick, stale }: { tick: QuoteTick; stale: boolean }) {
  const last = priceOf(tick.last, tick.bid, tick.ask);
  const fraction = changeFraction(last, tick.previousClose);
  return (
    <Box style={columns.last} align="flex-end">
      <PriceCell
        value={last}
        text={price(last)}
        at={tick.at}
        variant="num"
        tone={stale ? 'stale' : last === null ? 'tertiary' : 'primary'}
        flash={!stale}
      />
      <Change
        value={fraction === null ? null : fraction * 100}
        text={signedPercent(fraction)}
        stale={stale}
      />
    </Box>
  );
}

export const QuoteRow = memo(function QuoteRow(props: QuoteRowProps) {
  const { symbol, outage, compact = false, selected = false } = props;
  const { c } = useTheme();
  const tick = useQuoteTick(symbol);
  if (tick === undefined && props.reason === undefined) return <Loading symbol={symbol} />;
  if (tick === undefined) return <MissingRow symbol={symbol} compact={compact} />;
  const kind = kindOf(tick.quality, outage);
  const stale = kind === 'stale';
  return (
    <Touchable
      onPress={() => props.onOpen(symbol)}
      selected={compact ? selected : undefined}
      role={compact ? 'option' : 'button'}
      testID={`quote-${symbol}`}
      style={[
        columns.row,
        styles.touch,
        { borderBottomColor: c.line.subtle },
        selected && { backgroundColor: c.accent.tint },
      ]}
    >
      <RowName symbol={symbol} name={props.name} kind={kind} asOf={tick.asOf} compact={compact} />
      {compact ? null : <Middle symbol={symbol} today={props.today} tick={tick} stale={stale} />}
      <Value tick={tick} stale={stale} />
    </Touchable>
  );
});

const styles = StyleSheet.create({
  touch: {
    flexDirection: 'row',
    alignItems: 'center',
    paddingHorizontal: 16,
    borderBottomWidth: 1,
  },
});
