/** Everything of the symbol screen below its header: also the middle pane of a wide window. */
import { useState } from 'react';

import { asFailure } from '@/api/failure';
import { Box } from '@/design/box';
import { FailureCard } from '@/design/failure-card';
import { Scroll } from '@/design/scroll';
import { RangeRow } from '@/design/segmented';
import { Text } from '@/design/text';
import {
  useBars,
  useExpirations,
  useSymbolQuote,
  useTeaserChain,
  useYear,
} from '@/features/symbol/api';
import { ChainTeaser } from '@/features/symbol/components/chain-teaser';
import { KeyFigures } from '@/features/symbol/components/key-figures';
import { Smile } from '@/features/symbol/components/smile';
import { PriceChart } from '@/features/symbol/components/price-chart';
import { QuoteHead } from '@/features/symbol/components/quote-head';
import {
  candlesOf,
  coneOf,
  RANGE_NAMES,
  RANGES,
  withToday,
  type RangeName,
} from '@/features/symbol/model';
import { t } from '@/i18n/t';
import { exchangeDate } from '@/lib/dates';
import { nearestMonthly, priceOf } from '@/lib/market-math';
import { kindOf } from '@/stream/freshness';
import { useMarketNow, useOutage, useQuoteTick } from '@/stream/hooks';
import type { QuoteTick } from '@/stream/protocol';

export interface SymbolBodyProps {
  symbol: string;
  chartHeight: number;
  /** The wide window shows the chain beside this pane and needs no taste of it. */
  teaser: boolean;
  onChain: (expiration: string | null) => void;
}

/** The taste shows four strikes; the price may walk some before the next ones are there. */
const TEASER_AROUND = 6;

const OPTIONS = RANGE_NAMES.map((value) => ({ value, label: value }));
const NOTHING = { last: null, open: null, high: null, low: null, volume: null };

function useChart(symbol: string, range: RangeName, today: string, tick: QuoteTick | undefined) {
  const bars = useBars(symbol, range, today);
  const found = candlesOf(bars.data?.bars ?? [], range);
  const daily = RANGES[range].interval === '1d';
  return { bars, candles: daily ? withToday(found, tick ?? NOTHING, today) : found };
}

function useDays(symbol: string, today: string) {
  const year = useYear(symbol, today);
  return candlesOf(year.data?.bars ?? [], '1Y').filter((candle) => candle.date < today);
}

interface FailedProps {
  symbol: string;
  error: Error | null;
  reason: string | null;
  onRetry: () => void;
}

function Failed({ symbol, error, reason, onRetry }: FailedProps) {
  const unknown = { kind: 'problem', detail: reason ?? '', code: 'unknown_symbol' } as const;
  return (
    <Box pad="s4">
      <FailureCard
        title={t('symbol.error', { symbol })}
        failure={error === null ? unknown : asFailure(error)}
        onRetry={onRetry}
      />
    </Box>
  );
}

export function SymbolBody({ symbol, chartHeight, teaser, onChain }: SymbolBodyProps) {
  const [range, setRange] = useState<RangeName>('2M');
  const today = exchangeDate(useMarketNow());
  const outage = useOutage();
  const { query, quote, reason } = useSymbolQuote(symbol);
  const tick = useQuoteTick(symbol);
  const expirations = useExpirations(symbol);
  const expiration = nearestMonthly(expirations.data?.expirations ?? []);
  // The smile of a wide window draws every strike.
  const around = teaser ? TEASER_AROUND : null;
  const chain = useTeaserChain(symbol, expiration?.date ?? null, around);
  const days = useDays(symbol, today);
  const { bars, candles } = useChart(symbol, range, today, tick);
  const spot = tick === undefined ? null : priceOf(tick.last, tick.bid, tick.ask);
  const stale = tick !== undefined && kindOf(tick.quality, outage) === 'stale';
  if (tick === undefined && (query.error !== null || reason !== null)) {
    return (
      <Failed
        symbol={symbol}
        error={query.error}
        reason={reason}
        onRetry={() => void query.refetch()}
      />
    );
  }
  return (
    <Scroll label={symbol}>
      <QuoteHead tick={tick} quote={quote} stale={stale} />
      <Box height={8} />
      <PriceChart
        symbol={symbol}
        candles={candles}
        cone={RANGES[range].cone ? coneOf(expiration, today) : null}
        spot={spot}
        previousClose={tick?.previousClose ?? null}
        intraday={RANGES[range].lastDates !== null}
        stale={stale}
        loading={bars.isPending}
        error={bars.error}
        height={chartHeight}
        onRetry={() => void bars.refetch()}
      />
      <RangeRow options={OPTIONS} value={range} onChange={setRange} label={t('chart.ranges')} />
      <KeyFigures
        tick={tick}
        year={days}
        expiration={expiration}
        contracts={chain.data?.contracts ?? []}
      />
      {!teaser && expiration !== null ? <Smile symbol={symbol} expiration={expiration} /> : null}
      {teaser && expiration !== null ? (
        <ChainTeaser
          expiration={expiration}
          chain={chain.data}
          spot={spot}
          stale={stale}
          onOpen={() => onChain(expiration.date)}
        />
      ) : null}
      {teaser && expirations.data?.expirations.length === 0 ? (
        <Box padX="s4">
          <Text variant="label" tone="tertiary">
            {t('teaser.none')}
          </Text>
        </Box>
      ) : null}
    </Scroll>
  );
}
