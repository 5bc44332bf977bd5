/** How much a number may be trusted now: its own quality, the feed's state and the connection. Pure. */
import type { Quality } from '@/api/types';
import type { FreshnessKind } from '@/design/freshness';
import type { FeedState } from '@/stream/live';

/** A connection may be away this long before its numbers are called old. */
export const GRACE_MS = 5_000;

/** The market's clock now, carried on from its last word at its own speed. */
export function marketNow(state: FeedState, now: number): number {
  if (state.marketMs === null) return now;
  return state.marketMs + Math.max(0, now - state.marketAt) * (state.feed?.market_speed ?? 1);
}

export function isLost(state: FeedState, now: number, online: boolean): boolean {
  if (!online) return true;
  return state.lostAt !== null && now - state.lostAt > GRACE_MS;
}

/** `moving`: the server restarts and has said when to come back: nothing to warn of yet. */
export type Outage =
  'offline' | 'outdated' | 'refused' | 'moving' | 'lost' | 'stale' | 'down' | null;

function isMoving(state: FeedState, now: number): boolean {
  return state.movingUntil !== null && now <= state.movingUntil + GRACE_MS;
}

/** What keeps the numbers of this screen from being current, the nearest cause first. */
export function outageOf(state: FeedState, now: number, online: boolean): Outage {
  if (!online) return 'offline';
  if (state.connection === 'outdated') return 'outdated';
  if (state.refusal !== null) return 'refused';
  if (isLost(state, now, online)) return isMoving(state, now) ? 'moving' : 'lost';
  if (state.feed?.state === 'stale') return 'stale';
  if (state.feed?.state === 'down') return 'down';
  return null;
}

const BY_QUALITY: Record<Quality, FreshnessKind> = {
  realtime: 'live',
  delayed: 'delayed',
  stale: 'stale',
  modelled: 'modelled',
  replay: 'replay',
  simulated: 'simulated',
};

export function kindOf(quality: Quality, outage: Outage): FreshnessKind {
  return outage === null ? BY_QUALITY[quality] : 'stale';
}
