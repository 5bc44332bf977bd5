/** The session: who is signed in, and the access token, which lives in memory only. Pure. */
import type { Tokens, User } from '@/api/types';

export interface Access {
  token: string;
  endsAt: number;
}

export type Session =
  | { phase: 'starting' }
  | { phase: 'signed-out'; ended: boolean }
  | { phase: 'signed-in'; user: User; access: Access | null };

export type SessionEvent =
  | { type: 'nothing-kept' }
  | { type: 'kept'; user: User }
  | { type: 'tokens'; tokens: Tokens; at: number }
  | { type: 'ended' }
  | { type: 'signed-out' };

/** An access token is renewed this long before it ends. */
export const RENEW_BEFORE_MS = 60_000;

export function reduceSession(session: Session, event: SessionEvent): Session {
  switch (event.type) {
    case 'nothing-kept':
      return session.phase === 'starting' ? { phase: 'signed-out', ended: false } : session;
    case 'kept':
      // Opened without a network: what was last seen is shown, and a token follows when it can.
      return session.phase === 'starting'
        ? { phase: 'signed-in', user: event.user, access: null }
        : session;
    case 'tokens':
      return {
        phase: 'signed-in',
        user: event.tokens.user,
        access: {
          token: event.tokens.access_token,
          endsAt: event.at + event.tokens.expires_in * 1000,
        },
      };
    case 'ended':
      return { phase: 'signed-out', ended: session.phase === 'signed-in' };
    case 'signed-out':
      return { phase: 'signed-out', ended: false };
  }
}

export function usableToken(session: Session, at: number): string | null {
  if (session.phase !== 'signed-in' || session.access === null) return null;
  return session.access.endsAt - at > RENEW_BEFORE_MS / 2 ? session.access.token : null;
}
