/** Where the numbers of this app come from, and whether they still come. */
import { statusQuery } from '@/api/market-queries';
import { useQuery } from '@tanstack/react-query';

import { asFailure } from '@/api/failure';
import { Box, Row } from '@/design/box';
import { Card } from '@/design/card';
import { FailureCard } from '@/design/failure-card';
import { Freshness } from '@/design/freshness';
import { Skeleton } from '@/design/skeleton';
import { Text } from '@/design/text';
import { SettingRow } from '@/design/setting-row';
import { feedStateKey, streamKey } from '@/features/account/model';
import { t } from '@/i18n/t';
import { exchangeDate, exchangeTime, shortDate } from '@/lib/dates';
import { kindOf } from '@/stream/freshness';
import { useFeed, useMarketNow, useOutage } from '@/stream/hooks';
import { freshnessWords } from '@/stream/live-freshness';

export function FeedCard() {
  const status = useQuery(statusQuery);
  const state = useFeed();
  const outage = useOutage();
  const now = useMarketNow();
  const feed = state.feed ?? status.data?.feed;
  if (feed === undefined) {
    if (status.error !== null)
      return (
        <FailureCard failure={asFailure(status.error)} onRetry={() => void status.refetch()} />
      );
    return (
      <Card pad="s4" gap="s3">
        <Skeleton width="70%" />
        <Skeleton width="50%" />
        <Skeleton width="60%" />
      </Card>
    );
  }
  const kind = kindOf(feed.quality, outage);
  return (
    <Card testID="feed-card">
      <Row padX="s4" padY="s3" rule="bottom" justify="space-between">
        <Text variant="title3">{feed.label}</Text>
        <Freshness kind={kind} text={freshnessWords(kind, feed.delay_seconds)} />
      </Row>
      <SettingRow
        name={t('you.feed.state')}
        value={t(feedStateKey(feed.state))}
        tone={feed.state === 'live' ? 'primary' : 'warning'}
        testID="feed-state"
      />
      <SettingRow
        name={t('you.feed.stream')}
        value={t(streamKey(state.connection))}
        tone={state.connection === 'open' ? 'primary' : 'warning'}
      />
      {feed.reason ? (
        <Box padX="s4" padY="s2" rule="bottom">
          <Text variant="label" tone="warning">
            {feed.reason}
          </Text>
        </Box>
      ) : null}
      <SettingRow
        last
        name={t('you.feed.time')}
        value={`${shortDate(exchangeDate(now))}, ${exchangeTime(now)} ET`}
      />
    </Card>
  );
}
