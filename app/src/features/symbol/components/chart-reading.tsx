/** What the crosshair stands on, in a fixed place above the plot. */
import { Row } from '@/design/box';
import { Text } from '@/design/text';
import type { Candle } from '@/features/symbol/model';
import { t } from '@/i18n/t';
import { exchangeTime, shortDate } from '@/lib/dates';
import { compact, price } from '@/lib/format';

export function ChartReading({ candle, intraday }: { candle: Candle; intraday: boolean }) {
  const date = shortDate(candle.date);
  return (
    <Row
      surface="s3"
      radius="sm"
      padX="s2"
      padY="s1"
      pointerEvents="none"
      style={{ position: 'absolute', top: 0, left: 8 }}
      testID="chart-reading"
    >
      <Text variant="micro" numeric>
        {t('chart.reading', {
          when: intraday ? `${date} ${exchangeTime(candle.at, false)}` : date,
          open: price(candle.open),
          high: price(candle.high),
          low: price(candle.low),
          close: price(candle.close),
          volume: compact(candle.volume),
        })}
      </Text>
    </Row>
  );
}
