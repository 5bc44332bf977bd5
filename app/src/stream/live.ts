/**
 * What the screen reads: the stores that the socket writes, and the state of feed and connection.
 *
 * Sole writer of `quotes`, `contracts`, `chains` and `feedStore` is this file; the API only seeds
 * values where none are (`seed.ts`).
 */
import { ExternalStore } from '@/lib/external-store';
import { onOnline } from '@/lib/use-online';
import { socketUrl } from '@/lib/origin';
import { renew, validToken } from '@/api/session-store';
import type { ChainRoot, FeedStatus } from '@/api/types';
import { Connection, type ConnectionState, type Socket } from '@/stream/connection';
import type { ContractInfo, ContractTick, Frame, QuoteTick } from '@/stream/protocol';
import { TickStore } from '@/stream/tick-store';

export interface ChainState {
  roots: readonly ChainRoot[];
  contracts: readonly ContractInfo[];
}

export interface FeedState {
  connection: ConnectionState;
  /** Device time at which the connection stopped being open; null while it is open. */
  lostAt: number | null;
  /** Device time of the newest frame. */
  heardAt: number | null;
  feed: FeedStatus | null;
  /** The market clock at `marketAt` of the device's clock. */
  marketMs: number | null;
  marketAt: number;
}

export const quotes = new TickStore<QuoteTick>();
export const contracts = new TickStore<ContractTick>();
export const chains = new TickStore<ChainState>();

export const feedStore = new ExternalStore<FeedState>({
  connection: 'idle',
  lostAt: Date.now(),
  heardAt: null,
  feed: null,
  marketMs: null,
  marketAt: 0,
});

export function chainKey(underlying: string, expiration: string): string {
  return `${underlying} ${expiration}`;
}

function update(change: Partial<FeedState>): void {
  feedStore.set({ ...feedStore.get(), ...change });
}

function onState(connection: ConnectionState): void {
  const { lostAt } = feedStore.get();
  update({ connection, lostAt: connection === 'open' ? null : (lostAt ?? Date.now()) });
}

function onFrame(frame: Frame): void {
  const at = Date.now();
  if (frame.type === 'status') {
    const marketMs = Date.parse(frame.feed.market_time);
    update({ feed: frame.feed, heardAt: at, marketMs, marketAt: at });
  } else if (frame.type === 'heartbeat') {
    update({ heardAt: at, marketMs: frame.marketMs, marketAt: at });
  }
}

/** The status as the API says it, for the time before the socket speaks. */
export function seedStatus(feed: FeedStatus): void {
  if (feedStore.get().connection === 'open') return;
  update({ feed, marketMs: Date.parse(feed.market_time), marketAt: Date.now() });
}

export const connection = new Connection(
  {
    open: () => new WebSocket(socketUrl('/ws/quotes')) as unknown as Socket,
    token: (fresh) => (fresh ? renew() : validToken()),
    now: () => Date.now(),
    random: Math.random,
    later: (callback, ms) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
  },
  { state: onState, frame: onFrame },
);

onOnline(() => connection.retryNow());

/** Forget everything: the next person must not see the last one's screen. */
export function clearLive(): void {
  quotes.clear();
  contracts.clear();
  chains.clear();
}
