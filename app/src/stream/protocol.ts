/** What `WS /ws/quotes` speaks (docs/streaming.md, version 2): its types, and guards for its words. */
import type { AnalyticsStatus, FeedStatus, Quality } from '@/api/types';

export const VERSION = 2;
export type Format = 'json' | 'binary';

export interface QuoteTick {
  readonly symbol: string;
  readonly bid: number | null;
  readonly ask: number | null;
  readonly bidSize: number | null;
  readonly askSize: number | null;
  readonly last: number | null;
  readonly open: number | null;
  readonly high: number | null;
  readonly low: number | null;
  readonly previousClose: number | null;
  readonly volume: number | null;
  readonly asOf: number | null;
  readonly quality: Quality;
  readonly flags: number;
  /** Device time of arrival; 0 when it came from the API and not from the socket. */
  readonly at: number;
}

export interface ContractTick {
  readonly bid: number | null;
  readonly ask: number | null;
  readonly bidSize: number | null;
  readonly askSize: number | null;
  readonly last: number | null;
  readonly volume: number | null;
  readonly iv: number | null;
  readonly delta: number | null;
  readonly gamma: number | null;
  readonly theta: number | null;
  readonly vega: number | null;
  readonly rho: number | null;
  readonly status: AnalyticsStatus;
  readonly flags: number;
  readonly asOf: number | null;
  /** Device time of arrival; 0 when it came from the API and not from the socket. */
  readonly at: number;
}

export interface ContractInfo {
  key: string;
  root: string;
  right: 'C' | 'P';
  strike: number;
  openInterest: number | null;
  previousClose: number | null;
}

export type Row = readonly unknown[];
export type Header = Readonly<Record<string, unknown>>;

/** Words of coded columns by their code; null stands for a word this app does not know. */
export interface Words {
  quality: readonly (Quality | null)[];
  status: readonly (AnalyticsStatus | null)[];
}

/** Rows as they came: read once, straight into the store they belong to. */
export type Rows =
  | { layout: 'json'; rows: readonly Row[] }
  | { layout: 'quotes' | 'chain'; view: DataView; at: number; count: number; words: Words };

export interface StreamError {
  id: number | null;
  code: string;
  detail: string;
  nextStep: string;
  retryAfterMs: number | null;
}

export interface Hello {
  type: 'hello';
  /** Names the gateway: places in its sequence mean nothing to another one. */
  stream: string;
  words: Words | null;
}

/** Something that happened to the signed-in user. */
export interface UserEvent {
  channel: string;
  kind: string;
  body: Header;
  at: number;
}

export type Frame =
  | Hello
  | { type: 'status'; feed: FeedStatus }
  | { type: 'heartbeat'; serverMs: number; marketMs: number }
  | { type: 'snapshot'; id: number; header: Header; rows: Rows; seen: number }
  | {
      type: 'changes';
      id: number;
      n: number;
      rows: Rows;
      header: Header | null;
      seen: number;
    }
  | { type: 'resumed'; id: number; header: Header }
  | { type: 'events'; id: number; epoch: string; offset: number; reset: boolean }
  | { type: 'event'; id: number; offset: number; previous: number; event: UserEvent }
  | { type: 'ended'; id: number }
  | { type: 'slow'; skipped: number }
  | { type: 'authenticate'; seconds: number }
  | { type: 'going_away'; reconnectAfterMs: number }
  | { type: 'error'; error: StreamError }
  | { type: 'pong'; t: number };

/** A frame that cannot be what its sender meant: nothing after it can be trusted. */
export class BadFrame extends Error {}

export function isRecord(value: unknown): value is Header {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A whole number that counts something. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

const QUALITIES: ReadonlySet<unknown> = new Set<Quality>([
  'realtime',
  'delayed',
  'stale',
  'modelled',
  'replay',
  'simulated',
]);
const STATUSES: ReadonlySet<unknown> = new Set<AnalyticsStatus>([
  'ok',
  'no_quote',
  'no_bid',
  'no_ask',
  'crossed',
  'below_intrinsic',
  'above_maximum',
  'no_time_value',
  'expired',
  'no_forward',
  'not_converged',
  'adjusted',
]);
const FEED_STATES: ReadonlySet<unknown> = new Set<FeedStatus['state']>([
  'connecting',
  'live',
  'stale',
  'down',
  'ended',
]);
const FEED_TEXTS = ['source', 'label', 'notice', 'reason', 'since', 'market_time'] as const;

export function isQuality(value: unknown): value is Quality {
  return QUALITIES.has(value);
}

export function isStatus(value: unknown): value is AnalyticsStatus {
  return STATUSES.has(value);
}

export function isFeedStatus(value: unknown): value is FeedStatus {
  return (
    isRecord(value) &&
    FEED_STATES.has(value.state) &&
    isQuality(value.quality) &&
    typeof value.delay_seconds === 'number' &&
    typeof value.market_speed === 'number' &&
    FEED_TEXTS.every((name) => typeof value[name] === 'string')
  );
}
