/** The loud number of the screen: the price, its change, how fresh it is, bid and ask. */
import type { Quote } from '@/api/types';
import { Box, Row } from '@/design/box';
import { Change } from '@/design/direction';
import { Skeleton } from '@/design/skeleton';
import { Text } from '@/design/text';
import { t } from '@/i18n/t';
import { price, priceParts, signed, signedPercent } from '@/lib/format';
import { change, changeFraction, priceOf } from '@/lib/market-math';
import { LiveFreshness } from '@/stream/live-freshness';
import type { QuoteTick } from '@/stream/protocol';

export interface QuoteHeadProps {
  tick: QuoteTick | undefined;
  quote: Quote | undefined;
  stale: boolean;
}

function Loading() {
  return (
    <Row padX="s4" justify="space-between" align="flex-start" height={66}>
      <Box gap="s2">
        <Skeleton width={128} height={32} />
        <Skeleton width={110} height={16} />
      </Box>
      <Box gap="s2" align="flex-end">
        <Skeleton width={84} height={14} />
        <Skeleton width={110} height={14} />
      </Box>
    </Row>
  );
}

export function QuoteHead({ tick, quote, stale }: QuoteHeadProps) {
  if (tick === undefined) return <Loading />;
  const last = priceOf(tick.last, tick.bid, tick.ask);
  const parts = priceParts(last);
  const moved = change(last, tick.previousClose);
  const fraction = changeFraction(last, tick.previousClose);
  const sided = tick.bid !== null || tick.ask !== null;
  return (
    <Row padX="s4" justify="space-between" align="flex-start" testID="quote-head">
      <Box>
        <Row align="baseline">
          <Text variant="hero" tone={stale ? 'stale' : 'primary'} testID="last-price">
            {parts.whole}
          </Text>
          <Text variant="title2" weight={500} numeric tone={stale ? 'stale' : 'tertiary'}>
            {parts.fraction}
          </Text>
        </Row>
        <Row>
          <Change
            value={moved}
            text={moved === null ? price(null) : `${signed(moved, 2)} (${signedPercent(fraction)})`}
            stale={stale}
            variant="num"
          />
        </Row>
      </Box>
      <Box align="flex-end" gap="s0">
        <LiveFreshness quality={tick.quality} asOf={tick.asOf} />
        {sided ? (
          <>
            <Text variant="label" tone={stale ? 'stale' : 'primary'} numeric>
              {price(tick.bid)} × {price(tick.ask)}
            </Text>
            <Text variant="caption" tone="tertiary">
              {t('symbol.bidask')}
            </Text>
          </>
        ) : (
          <Text variant="caption" tone="tertiary">
            {quote?.kind === 'index' ? t('symbol.index') : ''}
          </Text>
        )}
      </Box>
    </Row>
  );
}
