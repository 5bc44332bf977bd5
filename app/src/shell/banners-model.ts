/** Which banners stand above the screens, in which words. Pure. */
import type { BannerKind } from '@/design/banner';
import { t } from '@/i18n/t';
import { exchangeDate, exchangeTime, shortDate } from '@/lib/dates';
import { age } from '@/lib/format';
import { marketNow, outageOf, type Outage } from '@/stream/freshness';
import type { FeedState } from '@/stream/live';

export interface BannerWords {
  kind: BannerKind;
  title: string;
  text: string;
  /** Whether a newer app may be had by loading it again. */
  reload?: boolean;
}

function outageBanner(outage: Outage, state: FeedState, now: number): BannerWords | null {
  const heard = state.heardAt === null ? null : exchangeTime(state.heardAt, false);
  const since = state.feed === null ? '' : exchangeTime(Date.parse(state.feed.since));
  switch (outage) {
    case null:
    case 'moving':
      return null;
    case 'outdated':
      return {
        kind: 'stale',
        title: t('banner.outdated.title'),
        text: t('banner.outdated.text'),
        reload: true,
      };
    case 'refused':
      return {
        kind: 'stale',
        title: t('banner.refused.title'),
        text: state.refusal || t('banner.refused.text'),
      };
    case 'offline':
      return {
        kind: 'offline',
        title: t('banner.offline.title'),
        text:
          heard === null || state.heardAt === null
            ? t('banner.offline.never')
            : t('banner.offline.text', { time: heard, age: age(now - state.heardAt) }),
      };
    case 'lost':
      return {
        kind: 'stale',
        title:
          state.heardAt === null
            ? t('banner.lost.first')
            : t('banner.lost.title', { time: exchangeTime(state.heardAt) }),
        text: t('banner.lost.text'),
      };
    case 'stale':
      return {
        kind: 'stale',
        title: t('banner.stale.title', { time: since }),
        text: state.feed?.reason || t('banner.stale.text'),
      };
    case 'down':
      return {
        kind: 'stale',
        title: t('banner.down.title', { time: since }),
        text: state.feed?.reason || t('banner.down.text'),
      };
  }
}

function natureBanner(state: FeedState, now: number): BannerWords | null {
  const { feed } = state;
  if (feed === null) return null;
  if (feed.quality === 'simulated') {
    return {
      kind: 'simulated',
      title: t('banner.simulated.title'),
      text: t('banner.simulated.text'),
    };
  }
  if (feed.quality === 'replay') {
    const market = marketNow(state, now);
    const when = { date: shortDate(exchangeDate(market), now), time: exchangeTime(market) };
    return {
      kind: 'replay',
      title: t('banner.replay.title'),
      text:
        feed.state === 'ended'
          ? t('banner.replay.ended', when)
          : t('banner.replay.text', { ...when, speed: feed.market_speed }),
    };
  }
  if (feed.quality === 'delayed') {
    const minutes = Math.round(feed.delay_seconds / 60);
    return {
      kind: 'delayed',
      title: t('banner.delayed.title', { minutes }),
      text: t('banner.delayed.text', { label: feed.label }),
    };
  }
  return feed.notice === '' ? null : { kind: 'notice', title: feed.label, text: feed.notice };
}

/** An outage first, then what kind of market this is: both stay until they end. */
export function bannersOf(state: FeedState, now: number, online: boolean): BannerWords[] {
  const found = [outageBanner(outageOf(state, now, online), state, now), natureBanner(state, now)];
  return found.filter((each) => each !== null);
}
