/**
 * What the screen reads: the stores that the socket writes, and the state of feed and connection.
 *
 * Sole writer of `quotes`, `contracts`, `chains` and `feedStore` is this file; the API only seeds
 * values where none are (`seed.ts`).
 */
import { ExternalStore } from '@/lib/external-store';
import { onDataSaver } from '@/lib/data-saver';
import { onOnline } from '@/lib/use-online';
import { socketUrl } from '@/lib/origin';
import { onVisibility } from '@/lib/visibility';
import { endSession, renew, validToken } from '@/api/session-store';
import type { ChainRoot, FeedStatus } from '@/api/types';
import { CODES, type CloseCode } from '@/stream/closing';
import { Connection } from '@/stream/connection';
import type { ContractInfo, ContractTick, Frame, QuoteTick } from '@/stream/protocol';
import { TickStore } from '@/stream/tick-store';
import { wireFormat } from '@/stream/wire-format';
import type { ConnectionState, Socket } from '@/stream/world';

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
  /** The server said that it goes away for so long: until then this is no failure. */
  movingUntil: number | null;
  /** Why this account is shown no market data; empty words where the server gave none. */
  refusal: string | null;
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
  movingUntil: null,
  refusal: null,
});

export function chainKey(underlying: string, expiration: string): string {
  return `${underlying} ${expiration}`;
}

function update(change: Partial<FeedState>): void {
  feedStore.set({ ...feedStore.get(), ...change });
}

function onState(connection: ConnectionState): void {
  const { lostAt, movingUntil } = feedStore.get();
  const open = connection === 'open';
  update({
    connection,
    lostAt: open ? null : (lostAt ?? Date.now()),
    movingUntil: open ? null : movingUntil,
  });
}

/** The last error about the whole connection: a close that follows is explained by it. */
let explanation = '';

function onFrame(frame: Frame): void {
  const at = Date.now();
  switch (frame.type) {
    case 'hello':
      explanation = '';
      break;
    case 'status':
      update({
        feed: frame.feed,
        heardAt: at,
        marketMs: Date.parse(frame.feed.market_time),
        marketAt: at,
      });
      break;
    case 'heartbeat':
      update({ heardAt: at, marketMs: frame.marketMs, marketAt: at, refusal: null });
      break;
    case 'snapshot':
      update({ refusal: null });
      break;
    case 'going_away':
      update({ movingUntil: at + frame.reconnectAfterMs });
      break;
    case 'error':
      if (frame.error.id === null) explanation = frame.error.detail;
      break;
    default:
      break;
  }
}

function onClosed(code: CloseCode): void {
  if (code === CODES.notEntitled) update({ refusal: explanation });
  explanation = '';
}

/** The status as the API says it, for the time before the socket speaks. */
export function seedStatus(feed: FeedStatus): void {
  if (feedStore.get().connection === 'open') return;
  update({ feed, marketMs: Date.parse(feed.market_time), marketAt: Date.now() });
}

export const connection = new Connection(
  {
    open: () => {
      const socket = new WebSocket(socketUrl('/ws/quotes'));
      socket.binaryType = 'arraybuffer';
      return socket as unknown as Socket;
    },
    token: (fresh) => (fresh ? renew() : validToken()),
    format: wireFormat.get,
    signIn: () => void endSession(),
    now: () => Date.now(),
    random: Math.random,
    later: (callback, ms) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
  },
  { state: onState, frame: onFrame, closed: onClosed },
);

onOnline(() => connection.wake());
onVisibility((visible) => {
  connection.pace.see({ visible });
  if (visible) connection.wake();
});
onDataSaver((saver) => connection.pace.see({ saver }));
wireFormat.subscribe(() => connection.restart());

/** Forget everything: the next person must not see the last one's screen. */
export function clearLive(): void {
  quotes.clear();
  contracts.clear();
  chains.clear();
}
