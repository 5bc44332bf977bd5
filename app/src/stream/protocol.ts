/**
 * Frames of `WS /ws/quotes` (docs/streaming.md), read with guards and never cast.
 *
 * `parseFrame` returns null for anything that is not a frame of version 1: the connection counts
 * it and goes on, because one odd frame must not take the screen down.
 */
import type { AnalyticsStatus, ChainRoot, FeedStatus, Quality } from '@/api/types';

export interface QuoteTick {
  symbol: string;
  bid: number | null;
  ask: number | null;
  bidSize: number | null;
  askSize: number | null;
  last: number | null;
  open: number | null;
  high: number | null;
  low: number | null;
  previousClose: number | null;
  volume: number | null;
  asOf: number | null;
  quality: Quality;
  flags: number;
  /** Device time of arrival; 0 when it came from the API and not from the socket. */
  at: number;
}

export interface ContractTick {
  bid: number | null;
  ask: number | null;
  bidSize: number | null;
  askSize: number | null;
  last: number | null;
  volume: number | null;
  iv: number | null;
  delta: number | null;
  gamma: number | null;
  theta: number | null;
  vega: number | null;
  rho: number | null;
  status: AnalyticsStatus;
  flags: number;
  asOf: number | null;
  /** Device time of arrival; 0 when it came from the API and not from the socket. */
  at: number;
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

export interface StreamError {
  id: number | null;
  code: string;
  detail: string;
  nextStep: string;
}

export type Frame =
  | { type: 'hello'; heartbeatSeconds: number }
  | { type: 'status'; feed: FeedStatus }
  | { type: 'heartbeat'; serverMs: number; marketMs: number }
  | { type: 'snapshot'; id: number; header: Header; rows: readonly Row[] }
  | { type: 'changes'; id: number; n: number; rows: readonly Row[]; header: Header | null }
  | { type: 'ended'; id: number }
  | { type: 'error'; error: StreamError }
  | { type: 'pong'; t: number };

export function isRecord(value: unknown): value is Header {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value);
}

function isRows(value: unknown): value is readonly Row[] {
  return Array.isArray(value) && value.every(Array.isArray);
}

const QUALITIES: ReadonlySet<unknown> = new Set<Quality>([
  'realtime',
  'delayed',
  'stale',
  'modelled',
  'replay',
  'simulated',
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

function parseError(value: unknown): Frame | null {
  if (!isRecord(value) || typeof value.code !== 'string') return null;
  const words = (part: unknown) => (typeof part === 'string' ? part : '');
  return {
    type: 'error',
    error: {
      id: isInteger(value.id) ? value.id : null,
      code: value.code,
      detail: words(value.detail),
      nextStep: words(value.next_step),
    },
  };
}

function parseHello(value: unknown): Frame | null {
  if (!isRecord(value) || value.version !== 1) return null;
  const seconds = value.heartbeat_seconds;
  return {
    type: 'hello',
    heartbeatSeconds: typeof seconds === 'number' && seconds > 0 ? seconds : 5,
  };
}

function parseParts(parts: readonly unknown[]): Frame | null {
  const [name, a, b, c, d] = parts;
  switch (name) {
    case 'hello':
      return parseHello(a);
    case 'status':
      return isFeedStatus(a) ? { type: 'status', feed: a } : null;
    case 'heartbeat':
      return isInteger(a) && isInteger(b) ? { type: 'heartbeat', serverMs: a, marketMs: b } : null;
    case 'snapshot':
      return isInteger(a) && isRecord(c) && isRows(d)
        ? { type: 'snapshot', id: a, header: c, rows: d }
        : null;
    case 'changes':
      return isInteger(a) && isInteger(b) && isRows(c) && (d === null || isRecord(d))
        ? { type: 'changes', id: a, n: b, rows: c, header: d }
        : null;
    case 'ended':
      return isInteger(a) ? { type: 'ended', id: a } : null;
    case 'error':
      return parseError(a);
    case 'pong':
      return isInteger(a) ? { type: 'pong', t: a } : null;
    default:
      return null;
  }
}

export function parseFrame(text: unknown): Frame | null {
  if (typeof text !== 'string') return null;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? parseParts(value) : null;
  } catch {
    return null;
  }
}

export type { ChainRoot };
