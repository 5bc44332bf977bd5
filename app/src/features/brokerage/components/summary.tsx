/** How much of everything is connected, and how much of its value is live. */
import { StyleSheet } from 'react-native';

import type { Connection } from '@/api/types';
import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { summaryOf, type Share } from '@/features/brokerage/model';
import { t } from '@/i18n/t';
import { percent } from '@/lib/format';

function words({ label, share, current }: Share): string {
  const key = current ? 'brokerage.share' : 'brokerage.share.stale';
  return t(key, { name: label, share: percent(share) });
}

function ShareBar({ shares }: { shares: readonly Share[] }) {
  const { c } = useTheme();
  const series = c.chart.series;
  const color = (share: Share, index: number) =>
    share.current ? series[index % series.length] : c.stale.base;
  return (
    <Box gap="s2">
      <Row
        role="img"
        label={`${t('brokerage.shares')}: ${shares.map(words).join(', ')}`}
        style={styles.bar}
      >
        {shares.map((share, index) => (
          <Box
            key={share.id}
            style={[
              styles.part,
              { flexGrow: share.share, backgroundColor: color(share, index) },
              // Old is told apart by its form too, not by its colour alone.
              !share.current && styles.old,
            ]}
          />
        ))}
      </Row>
      <Row wrap hidden style={styles.legend}>
        {shares.map((share, index) => (
          <Row key={share.id} gap="s1">
            <Box style={[styles.key, { backgroundColor: color(share, index) }]} />
            <Text variant="caption" tone={share.current ? 'secondary' : 'stale'}>
              {share.label}
            </Text>
          </Row>
        ))}
      </Row>
    </Box>
  );
}

export function SummaryHead({ connections }: { connections: readonly Connection[] }) {
  const { connected, of, shares, live } = summaryOf(connections);
  return (
    <Box gap="s3" testID="brokerage-summary">
      <Row wrap justify="space-between" align="baseline" gap="s2">
        <Text variant="title1" heading={2}>
          {t('brokerage.summary', { count: connected, of })}
        </Text>
        {live === null ? null : (
          <Text variant="label" weight={400} tone="secondary">
            <Text variant="label" weight={600} numeric>
              {percent(live)}
            </Text>{' '}
            {t('brokerage.live')}
          </Text>
        )}
      </Row>
      {shares.length > 1 ? <ShareBar shares={shares} /> : null}
    </Box>
  );
}

const styles = StyleSheet.create({
  bar: { height: 10, gap: 3 },
  part: { height: 10, borderRadius: 3, minWidth: 4, flexBasis: 0 },
  old: { height: 4 },
  legend: { columnGap: 16, rowGap: 4 },
  key: { width: 8, height: 8, borderRadius: 2 },
});
