/** The one loud number: what everything is worth, its change today, and how fresh it is. */
import { StyleSheet } from 'react-native';

import { Box, Row, Spacer } from '@/design/box';
import { Change } from '@/design/direction';
import { Freshness } from '@/design/freshness';
import { Text } from '@/design/text';
import type { Portfolio } from '@/features/portfolio/api';
import { gainText, headsOf, type Head } from '@/features/portfolio/model';
import { t } from '@/i18n/t';
import { approximate, money } from '@/lib/decimals';
import { signedPercent } from '@/lib/format';

function Value({ head, loud }: { head: Head; loud: boolean }) {
  const text = money(head.value, head.currency);
  const dot = loud ? text.lastIndexOf('.') : -1;
  const whole = dot < 0 ? text : text.slice(0, dot);
  const day = gainText(head.day, head.currency);
  const share = head.fraction === null ? '' : ` (${signedPercent(head.fraction)})`;
  return (
    <Box gap="s1">
      <Row align="baseline" testID={`value-${head.currency}`}>
        <Text variant={loud ? 'hero' : 'title2'} numeric label={text}>
          {whole}
          {dot < 0 ? null : (
            <Text variant="title1" tone="secondary" numeric>
              {text.slice(dot)}
            </Text>
          )}
        </Text>
      </Row>
      <Row gap="s2" wrap>
        <Change
          value={head.day === null ? null : approximate(head.day)}
          text={day + share}
          variant={loud ? 'title3' : 'label'}
        />
        <Text variant="label" tone="tertiary">
          {t('portfolio.today')}
        </Text>
      </Row>
      {head.unvalued === 0 ? null : (
        <Text variant="caption" tone="warning">
          {t('portfolio.unvalued', { count: head.unvalued })}
        </Text>
      )}
    </Box>
  );
}

export function ValueHead({ portfolio }: { portfolio: Portfolio }) {
  const stale = portfolio.accounts.filter((account) => account.stale).length;
  const live = portfolio.accounts.length - stale;
  return (
    <Box gap="s1" testID="portfolio-value">
      <Row gap="s3">
        <Text variant="label" tone="secondary" heading={2}>
          {t('portfolio.value')}
        </Text>
        <Spacer />
        {live === 0 ? null : (
          <Freshness kind="live" text={t('portfolio.live', { count: live })} variant="label" />
        )}
        {stale === 0 ? null : (
          <Freshness kind="stale" text={t('portfolio.old', { count: stale })} variant="label" />
        )}
      </Row>
      <Box gap="s2">
        {headsOf(portfolio).map((head, index) => (
          <Value key={head.currency} head={head} loud={index === 0} />
        ))}
      </Box>
      {portfolio.simulated ? (
        <Row style={styles.paper}>
          <Freshness kind="simulated" text={t('portfolio.paper')} />
        </Row>
      ) : null}
    </Box>
  );
}

const styles = StyleSheet.create({ paper: { minHeight: 24 } });
