/** Candles with volume, the expected move to an expiry, a crosshair, and every state in place. */
import { useState } from 'react';
import Svg, { Path } from 'react-native-svg';

import { asFailure } from '@/api/failure';
import { Box } from '@/design/box';
import { FailureCard } from '@/design/failure-card';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { TouchSurface } from '@/design/touch-surface';
import { barAt, plotOf, timeTicks } from '@/features/symbol/chart-model';
import { Prices, Volume } from '@/features/symbol/components/chart-bars';
import {
  Crosshair,
  ExpectedMove,
  Grid,
  PriceTag,
  TimeAxis,
} from '@/features/symbol/components/chart-layers';
import { ChartReading } from '@/features/symbol/components/chart-reading';
import type { Candle, Cone } from '@/features/symbol/model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import { price } from '@/lib/format';

export interface PriceChartProps {
  symbol: string;
  candles: readonly Candle[];
  cone: Cone | null;
  spot: number | null;
  previousClose: number | null;
  intraday: boolean;
  stale: boolean;
  loading: boolean;
  error: Error | null;
  height: number;
  onRetry: () => void;
}

function Ghost({ width, height }: { width: number; height: number }) {
  const { c } = useTheme();
  const y = (share: number) => height * share;
  const d = `M0 ${y(0.66)} C${width * 0.2} ${y(0.5)} ${width * 0.3} ${y(0.74)} ${width * 0.45} ${y(0.52)} S${width * 0.75} ${y(0.56)} ${width} ${y(0.36)}`;
  return (
    <Svg width={width} height={height} aria-hidden>
      {[0.2, 0.4, 0.6, 0.8].map((share) => (
        <Path key={share} d={`M0 ${y(share)} H${width}`} stroke={c.chart.grid} />
      ))}
      <Path d={d} stroke={c.surface.s3} strokeWidth={2.5} fill="none" />
    </Svg>
  );
}

function summary({ symbol, candles, cone }: PriceChartProps): string {
  const first = candles[0];
  const last = candles[candles.length - 1];
  if (first === undefined || last === undefined) return t('chart.empty');
  const now = last.at;
  const words = t('chart.label', {
    symbol,
    count: candles.length,
    from: shortDate(first.date, now),
    to: shortDate(last.date, now),
    low: price(Math.min(...candles.map((each) => each.low))),
    high: price(Math.max(...candles.map((each) => each.high))),
    last: price(last.close),
  });
  if (cone === null) return words;
  return `${words} ${t('chart.cone', { date: shortDate(cone.date, now), move: price(cone.move) })}`;
}

function Drawing(props: PriceChartProps & { width: number }) {
  const { candles, cone, spot, width, height, stale } = props;
  const [picked, setPicked] = useState<number | null>(null);
  const { c } = useTheme();
  const plot = plotOf({ width, height }, candles, cone, spot);
  const from = candles.length - 1;
  const end = cone === null ? plot.right : plot.x(from) + cone.slots * plot.slot;
  const marks = timeTicks(plot, candles, props.intraday, cone === null ? plot.right : end - 30);
  const candle = picked === null ? undefined : candles[picked];
  const step = (by: -1 | 1) =>
    setPicked(Math.max(0, Math.min(from, (picked ?? candles.length) + by)));
  return (
    <Box width={width} height={height}>
      <Svg width={width} height={height} aria-hidden>
        <Grid plot={plot} spot={spot} />
        <TimeAxis plot={plot} marks={marks} height={height} />
        <Volume plot={plot} candles={candles} />
        {cone !== null && spot !== null ? (
          <ExpectedMove plot={plot} cone={cone} from={from} spot={spot} />
        ) : null}
        <Prices plot={plot} candles={candles} />
        {spot === null ? null : (
          <PriceTag
            plot={plot}
            value={spot}
            up={spot >= (props.previousClose ?? spot)}
            stale={stale}
          />
        )}
        {picked !== null && candle ? (
          <Crosshair plot={plot} index={picked} candle={candle} />
        ) : null}
      </Svg>
      {cone === null ? null : (
        <Box
          style={{ position: 'absolute', bottom: 3, left: end - 60, width: 64 }}
          align="flex-end"
        >
          <Text variant="micro" tone="accent" style={{ color: c.accent.base }}>
            {shortDate(cone.date)}
          </Text>
        </Box>
      )}
      <TouchSurface
        label={summary(props)}
        onMove={(x) => setPicked(barAt(plot, candles.length, x))}
        onEnd={() => setPicked(null)}
        onStep={step}
        style={{ position: 'absolute', top: 0, bottom: 0, left: 0, right: 0 }}
      />
      {candle ? <ChartReading candle={candle} intraday={props.intraday} /> : null}
    </Box>
  );
}

export function PriceChart(props: PriceChartProps) {
  const [width, setWidth] = useState(0);
  const { candles, height, error, loading } = props;
  return (
    <Box
      height={height}
      onLayout={(event) => setWidth(event.nativeEvent.layout.width)}
      testID="price-chart"
    >
      {width === 0 ? null : error !== null && candles.length === 0 ? (
        <Box pad="s4" justify="center" height={height}>
          <FailureCard
            title={t('chart.error')}
            failure={asFailure(error)}
            onRetry={props.onRetry}
          />
        </Box>
      ) : loading && candles.length === 0 ? (
        <Ghost width={width} height={height} />
      ) : candles.length === 0 ? (
        <Box align="center" justify="center" height={height}>
          <Text tone="tertiary">{t('chart.empty')}</Text>
        </Box>
      ) : (
        <Drawing {...props} width={width} />
      )}
    </Box>
  );
}
