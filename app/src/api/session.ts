/** The session: who is signed in, and the access token, which lives in memory only. Pure. */
import type { FactorMethod, SecondFactorNeeded, SteppedUp, Tokens, User } from '@/api/types';

export interface Access {
  token: string;
  endsAt: number;
}

/** A password that was right and is not enough: what may be proven next, and until when. */
export interface Challenge {
  challenge: string;
  methods: readonly FactorMethod[];
  endsAt: number;
}

/** Why nobody is signed in, where it is worth a sentence. */
export type SignedOutNotice = 'ended' | 'deleted';

export type Session =
  | { phase: 'starting' }
  | { phase: 'signed-out'; notice: SignedOutNotice | null; challenge: Challenge | null }
  | { phase: 'signed-in'; user: User; access: Access | null };

export type SessionEvent =
  | { type: 'nothing-kept' }
  | { type: 'kept'; user: User }
  | { type: 'tokens'; tokens: Tokens; at: number }
  | { type: 'factor-needed'; answer: SecondFactorNeeded; at: number }
  | { type: 'factor-dropped' }
  | { type: 'stepped-up'; answer: SteppedUp; at: number }
  | { type: 'user'; user: User }
  | { type: 'ended' }
  | { type: 'deleted' }
  | { type: 'signed-out' };

/** An access token is renewed this long before it ends. */
export const RENEW_BEFORE_MS = 60_000;

const SIGNED_OUT: Extract<Session, { phase: 'signed-out' }> = {
  phase: 'signed-out',
  notice: null,
  challenge: null,
};

function accessOf(answer: { access_token: string; expires_in: number }, at: number): Access {
  return { token: answer.access_token, endsAt: at + answer.expires_in * 1000 };
}

export function reduceSession(session: Session, event: SessionEvent): Session {
  switch (event.type) {
    case 'nothing-kept':
      return session.phase === 'starting' ? SIGNED_OUT : session;
    case 'kept':
      // Opened without a network: what was last seen is shown, and a token follows when it can.
      return session.phase === 'starting'
        ? { phase: 'signed-in', user: event.user, access: null }
        : session;
    case 'tokens': {
      const access = accessOf(event.tokens, event.at);
      return { phase: 'signed-in', user: event.tokens.user, access };
    }
    case 'factor-needed': {
      if (session.phase === 'signed-in') return session;
      const { challenge, methods, expires_in } = event.answer;
      const endsAt = event.at + expires_in * 1000;
      return { ...SIGNED_OUT, challenge: { challenge, methods, endsAt } };
    }
    case 'factor-dropped':
      return session.phase === 'signed-out' ? { ...session, challenge: null } : session;
    case 'stepped-up':
      // Whoever signed out while the sheet was open stays signed out.
      return session.phase === 'signed-in'
        ? { ...session, access: accessOf(event.answer, event.at) }
        : session;
    case 'user':
      return session.phase === 'signed-in' && session.user.id === event.user.id
        ? { ...session, user: event.user }
        : session;
    case 'ended':
      return { ...SIGNED_OUT, notice: session.phase === 'signed-in' ? 'ended' : null };
    case 'deleted':
      return { ...SIGNED_OUT, notice: 'deleted' };
    case 'signed-out':
      return SIGNED_OUT;
  }
}

export function usableToken(session: Session, at: number): string | null {
  if (session.phase !== 'signed-in' || session.access === null) return null;
  return session.access.endsAt - at > RENEW_BEFORE_MS / 2 ? session.access.token : null;
}
