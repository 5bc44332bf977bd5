/** The figures we have of a symbol, each with what it stands on. */
import type { ChainContract, Expiration } from '@/api/types';
import { Box, Row } from '@/design/box';
import { RangeBar, Stat } from '@/design/stat';
import { figuresOf, putCallRatio, type Candle } from '@/features/symbol/model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import { compact, fixed, MISSING, percent, price, signed } from '@/lib/format';
import type { QuoteTick } from '@/stream/protocol';

export interface KeyFiguresProps {
  tick: QuoteTick | undefined;
  year: readonly Candle[];
  expiration: Expiration | null;
  contracts: readonly ChainContract[];
}

function Range({
  name,
  low,
  high,
  at,
}: {
  name: string;
  low: number | null;
  high: number | null;
  at: number | null;
}) {
  const known = low !== null && high !== null && at !== null;
  return (
    <Stat name={name} value={MISSING}>
      {known ? (
        <RangeBar low={low} high={high} at={at} lowText={price(low)} highText={price(high)} />
      ) : undefined}
    </Stat>
  );
}

export function KeyFigures({ tick, year, expiration, contracts }: KeyFiguresProps) {
  const day = tick ?? { last: null, open: null, high: null, low: null, volume: null };
  const iv = expiration?.atm_iv ?? null;
  const figures = figuresOf(year, day, iv);
  const ratio = putCallRatio(contracts);
  const date = expiration === null ? '' : shortDate(expiration.date);
  return (
    <Box padX="s4">
      <Row gap="s4" padY="s3" rule="top" align="flex-start">
        <Stat
          name={t('figure.iv', { date })}
          value={percent(iv)}
          note={expiration === null ? undefined : t('figure.days', { days: expiration.days })}
        />
        <Stat
          name={t('figure.realised')}
          value={percent(figures.realised)}
          note={
            figures.ivPoints === null
              ? undefined
              : t('figure.realised.note', { points: signed(figures.ivPoints, 1) })
          }
        />
        <Stat
          name={t('figure.volume')}
          value={compact(day.volume)}
          note={
            figures.volumeRatio === null
              ? undefined
              : t('figure.volume.note', { ratio: fixed(figures.volumeRatio, 1) })
          }
        />
      </Row>
      <Row gap="s4" padY="s3" rule="top" align="flex-start">
        <Stat
          name={t('figure.putcall')}
          value={fixed(ratio, 2)}
          note={ratio === null ? undefined : t('figure.putcall.note', { date })}
        />
        <Range name={t('figure.day')} low={day.low} high={day.high} at={day.last} />
        <Range
          name={t('figure.year')}
          low={figures.yearLow}
          high={figures.yearHigh}
          at={day.last}
        />
      </Row>
    </Box>
  );
}
