/** Symbol with its freshness mark; below it the company, or the age when the price is not live. */
import { Box, Row } from '@/design/box';
import { Freshness, FreshnessGlyph, type FreshnessKind } from '@/design/freshness';
import { Text } from '@/design/text';
import { columns } from '@/features/markets/components/columns';
import { t } from '@/i18n/t';
import { age } from '@/lib/format';
import { useFeed, useMarketNow } from '@/stream/hooks';

export interface RowNameProps {
  symbol: string;
  name: string;
  kind: FreshnessKind;
  asOf: number | null;
  compact: boolean;
}

function Age({ asOf }: { asOf: number | null }) {
  const now = useMarketNow();
  return (
    <Freshness
      kind="stale"
      text={asOf === null ? t('fresh.stale') : t('fresh.old', { age: age(now - asOf) })}
    />
  );
}

function Delay() {
  const { feed } = useFeed();
  const minutes = Math.round((feed?.delay_seconds ?? 0) / 60);
  return <Freshness kind="delayed" text={t('fresh.delayed', { minutes })} />;
}

export function RowName({ symbol, name, kind, asOf, compact }: RowNameProps) {
  const marked = kind !== 'stale' && kind !== 'delayed';
  return (
    <Box style={compact ? columns.grow : columns.name}>
      <Row gap="s2">
        <Text variant="title3" lines={1}>
          {symbol}
        </Text>
        {marked ? <FreshnessGlyph kind={kind} size={kind === 'live' ? 8 : 9} /> : null}
      </Row>
      {kind === 'stale' ? (
        <Age asOf={asOf} />
      ) : kind === 'delayed' ? (
        <Delay />
      ) : (
        <Text variant="caption" tone="tertiary" lines={1}>
          {name}
        </Text>
      )}
    </Box>
  );
}
