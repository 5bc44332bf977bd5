/** What the security pages say, from what the server knows. Pure. */
import type { DeviceSession, Factors } from '@/api/types';
import type { UserEvent } from '@/stream/protocol';
import type { WordKey } from '@/i18n/t';
import { agentWords } from '@/lib/user-agent';

/** How well the way in is guarded. */
export type Guard = 'password-only' | 'no-way-back' | 'few-codes' | 'good';

export const FEW_CODES = 3;

export function guardOf(factors: Factors): Guard {
  if (!factors.totp && factors.passkeys === 0) return 'password-only';
  if (factors.recovery_codes_left === 0) return 'no-way-back';
  return factors.recovery_codes_left <= FEW_CODES ? 'few-codes' : 'good';
}

/** What to call a device: its own name, else what its browser says, else what kind it is. */
export function deviceTitle(session: DeviceSession): string | null {
  return session.device_name || agentWords(session.user_agent ?? '') || null;
}

const METHOD_WORDS: Record<DeviceSession['methods'][number], WordKey> = {
  password: 'sessions.by.password',
  totp: 'sessions.by.totp',
  recovery_code: 'sessions.by.recovery_code',
  passkey: 'sessions.by.passkey',
  oidc: 'sessions.by.oidc',
  development: 'sessions.by.development',
};

export function methodKeys(session: DeviceSession): WordKey[] {
  return session.methods.map((method) => METHOD_WORDS[method]);
}

/** This device first, then the one used last. */
export function sortedSessions(sessions: readonly DeviceSession[]): DeviceSession[] {
  return [...sessions].sort((a, b) => {
    if (a.current !== b.current) return a.current ? -1 : 1;
    return Date.parse(b.last_seen_at) - Date.parse(a.last_seen_at);
  });
}

/** The key as people type it: groups of four. */
export function grouped(key: string): string {
  return (
    key
      .replace(/\s+/g, '')
      .match(/.{1,4}/g)
      ?.join(' ') ?? ''
  );
}

/** The recovery codes as a text file that still says what it is when found in three years. */
export function recoveryFile(codes: readonly string[], email: string, words: string): string {
  return [words, email, '', ...codes, ''].join('\n');
}

/** Deleting asks for the address to be typed: case and spaces around it are no matter. */
export function sameAddress(typed: string, email: string): boolean {
  return typed.trim().toLowerCase() === email.toLowerCase();
}

export interface SignIn {
  /** What to call the device; null where nothing is known of it. */
  device: string | null;
  at: number;
}

/** The sign-in that an event tells of, when it was not this device's own. */
export function strangerOf(event: UserEvent, sessions: readonly DeviceSession[]): SignIn | null {
  if (event.kind !== 'session_started') return null;
  const session = sessions.find((each) => each.id === event.body.session_id);
  if (session?.current) return null;
  return { device: session === undefined ? null : deviceTitle(session), at: event.at };
}
