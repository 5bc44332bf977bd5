/**
 * Text frames, read with guards and never cast.
 *
 * Three outcomes: a frame; null for what this app does not know and may pass over; `BadFrame` for
 * what cannot be trusted, because rows may be lost in it.
 */
import {
  BadFrame,
  isCount,
  isFeedStatus,
  isQuality,
  isRecord,
  isStatus,
  VERSION,
  type Frame,
  type Hello,
  type Row,
  type Words,
} from '@/stream/protocol';

function isRows(value: unknown): value is readonly Row[] {
  return Array.isArray(value) && value.every(Array.isArray);
}

function wordsOf<T>(value: unknown, isWord: (word: unknown) => word is T): (T | null)[] | null {
  return Array.isArray(value) ? value.map((word) => (isWord(word) ? word : null)) : null;
}

function readWords(value: unknown): Words | null {
  if (!isRecord(value)) return null;
  const quality = wordsOf(value.quality, isQuality);
  const status = wordsOf(value.status, isStatus);
  return quality === null || status === null ? null : { quality, status };
}

function readHello(value: unknown): Hello {
  if (!isRecord(value) || value.version !== VERSION || typeof value.stream !== 'string')
    throw new BadFrame('hello');
  return { type: 'hello', stream: value.stream, words: readWords(value.words) };
}

function readError(value: unknown): Frame | null {
  if (!isRecord(value) || typeof value.code !== 'string') return null;
  const words = (part: unknown) => (typeof part === 'string' ? part : '');
  const seconds = value.retry_after_seconds;
  return {
    type: 'error',
    error: {
      id: isCount(value.id) ? value.id : null,
      code: value.code,
      detail: words(value.detail),
      nextStep: words(value.next_step),
      retryAfterMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : null,
    },
  };
}

function readNumbers(parts: readonly unknown[]): Frame {
  const [name, id, n, third, fourth, seen] = parts;
  if (!isCount(id) || !isCount(n) || !isCount(seen)) throw new BadFrame(String(name));
  if (name === 'snapshot' && n === 0 && isRecord(third) && isRows(fourth))
    return { type: 'snapshot', id, header: third, rows: { layout: 'json', rows: fourth }, seen };
  if (name === 'changes' && n > 0 && isRows(third) && (fourth === null || isRecord(fourth)))
    return { type: 'changes', id, n, rows: { layout: 'json', rows: third }, header: fourth, seen };
  throw new BadFrame(String(name));
}

function readEvent(parts: readonly unknown[]): Frame {
  const [, id, offset, previous, channel, kind, body, at] = parts;
  if (!isCount(id) || !isCount(offset) || !isCount(previous)) throw new BadFrame('event');
  if (typeof channel !== 'string' || typeof kind !== 'string') throw new BadFrame('event');
  const event = { channel, kind, body: isRecord(body) ? body : {}, at: isCount(at) ? at : 0 };
  return { type: 'event', id, offset, previous, event };
}

function readEvents(id: unknown, value: unknown): Frame {
  if (!isCount(id) || !isRecord(value)) throw new BadFrame('events');
  const { epoch, offset, reset } = value;
  if (typeof epoch !== 'string' || !isCount(offset)) throw new BadFrame('events');
  return { type: 'events', id, epoch, offset, reset: reset === true };
}

function readResumed(id: unknown, header: unknown): Frame {
  if (!isCount(id) || !isRecord(header)) throw new BadFrame('resumed');
  return { type: 'resumed', id, header };
}

/** Frames about the connection: an odd one is passed over, the numbers go on. */
function readControl(name: unknown, a: unknown, b: unknown): Frame | null {
  switch (name) {
    case 'status':
      return isFeedStatus(a) ? { type: 'status', feed: a } : null;
    case 'heartbeat':
      return isCount(a) && isCount(b) ? { type: 'heartbeat', serverMs: a, marketMs: b } : null;
    case 'ended':
      return isCount(a) ? { type: 'ended', id: a } : null;
    case 'slow':
      return isCount(a) ? { type: 'slow', skipped: a } : null;
    case 'authenticate':
      return typeof a === 'number' ? { type: 'authenticate', seconds: a } : null;
    case 'going_away':
      return isRecord(a) && isCount(a.reconnect_after_ms)
        ? { type: 'going_away', reconnectAfterMs: a.reconnect_after_ms }
        : null;
    case 'error':
      return readError(a);
    case 'pong':
      return isCount(a) ? { type: 'pong', t: a } : null;
    default:
      return null;
  }
}

export function readText(text: string): Frame | null {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    throw new BadFrame('not JSON');
  }
  if (!Array.isArray(parts) || typeof parts[0] !== 'string') throw new BadFrame('not a frame');
  switch (parts[0]) {
    case 'hello':
      return readHello(parts[1]);
    case 'snapshot':
    case 'changes':
      return readNumbers(parts);
    case 'resumed':
      return readResumed(parts[1], parts[2]);
    case 'events':
      return readEvents(parts[1], parts[2]);
    case 'event':
      return readEvent(parts);
    default:
      return readControl(parts[0], parts[1], parts[2]);
  }
}
