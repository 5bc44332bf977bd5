/** What to do after a close code (docs/streaming.md, "Close codes"). Pure. */

/** A code of the server's close, or what made the client itself close. */
export type CloseCode = number | 'silence' | 'nonsense';

export interface Closed {
  code: CloseCode;
  /** The token had been renewed just before, because the one before it was refused. */
  renewed: boolean;
  /** The connection had stood for a while: it is not refused again and again. */
  steady: boolean;
}

export interface Plan {
  next: 'retry' | 'renew' | 'sign-in' | 'update';
  /** The pause is at least that of this many failed tries. */
  attempts: number;
  /** Ask for numbers less often. */
  slower: boolean;
  /** What is there may be what broke it: ask for whole answers. */
  forget: boolean;
}

/** Pauses of 15 to 30 s: nothing will be different sooner. */
export const LONG_WAIT_ATTEMPTS = 6;
const SHORT_WAIT_ATTEMPTS = 2;

const RETRY: Plan = { next: 'retry', attempts: 0, slower: false, forget: false };

export const CODES = {
  protocol: 1002,
  unknownFrame: 1003,
  notUtf8: 1007,
  tooLong: 1009,
  full: 1013,
  unreadable: 4400,
  token: 4401,
  notEntitled: 4403,
  version: 4406,
  notReading: 4409,
  tooMany: 4429,
} as const;

export function planAfter({ code, renewed, steady }: Closed): Plan {
  switch (code) {
    case CODES.token:
      return { ...RETRY, next: renewed ? 'sign-in' : 'renew' };
    case CODES.version:
      return { ...RETRY, next: 'update' };
    case 'nonsense':
      return { ...RETRY, forget: true };
    case CODES.notReading:
      return { ...RETRY, slower: true };
    case CODES.full:
      return { ...RETRY, attempts: SHORT_WAIT_ATTEMPTS };
    case CODES.notEntitled:
      // Another market is there at once; a refusal does not end by asking again soon.
      return { ...RETRY, attempts: steady ? 0 : LONG_WAIT_ATTEMPTS, forget: true };
    case CODES.tooMany:
      return { ...RETRY, attempts: LONG_WAIT_ATTEMPTS };
    case CODES.protocol:
    case CODES.unknownFrame:
    case CODES.notUtf8:
    case CODES.tooLong:
    case CODES.unreadable:
      // Our own mistake: it will be made again, so make it seldom.
      return { ...RETRY, attempts: LONG_WAIT_ATTEMPTS, forget: true };
    default:
      return RETRY;
  }
}
