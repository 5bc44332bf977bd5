/** The freshness of one quote or group: kind and age, kept up to date. */
import { Freshness, type FreshnessKind } from '@/design/freshness';
import type { Quality } from '@/api/types';
import { t } from '@/i18n/t';
import { age } from '@/lib/format';
import { kindOf } from '@/stream/freshness';
import { useFeed, useMarketNow, useOutage } from '@/stream/hooks';

export interface LiveFreshnessProps {
  quality: Quality;
  asOf: number | null;
  /** Words between the state and the age, such as a count of contracts. */
  middle?: string;
  short?: boolean;
}

export function freshnessWords(kind: FreshnessKind, delaySeconds: number): string {
  switch (kind) {
    case 'live':
      return t('fresh.live');
    case 'delayed':
      return t('fresh.delayed', { minutes: Math.round(delaySeconds / 60) });
    case 'stale':
      return t('fresh.stale');
    case 'modelled':
      return t('fresh.modelled');
    case 'replay':
      return t('fresh.replay');
    case 'simulated':
      return t('fresh.simulated');
    case 'offline':
      return t('fresh.offline');
  }
}

export function LiveFreshness({ quality, asOf, middle, short = false }: LiveFreshnessProps) {
  const outage = useOutage();
  const { feed } = useFeed();
  const marketNow = useMarketNow();
  const kind = kindOf(quality, outage);
  const old = asOf === null ? null : age(marketNow - asOf);
  const words = freshnessWords(kind, feed?.delay_seconds ?? 0);
  const parts =
    kind === 'stale' && old !== null
      ? [t('fresh.old', { age: old }), middle]
      : short && old !== null
        ? [old]
        : [words, middle, old];
  return <Freshness kind={kind} text={parts.filter(Boolean).join(' · ')} />;
}
