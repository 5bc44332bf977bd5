/**
 * The one session of the app, and the only writer of the kept refresh token.
 *
 * Any number of requests may find the access token too old at once: they share one renewal. Only
 * a definite answer of the server signs out; a lost network never does.
 */
import { ApiError, failureOf } from '@/api/failure';
import {
  RENEW_BEFORE_MS,
  reduceSession,
  usableToken,
  type Session,
  type SessionEvent,
} from '@/api/session';
import type { SecondFactorNeeded, SteppedUp, Tokens, User } from '@/api/types';
import { ExternalStore } from '@/lib/external-store';
import { httpOrigin } from '@/lib/origin';
import { clientKind } from '@/lib/platform';
import { refreshTokens } from '@/lib/secure';
import { loadJson, removeKey, saveJson } from '@/lib/storage';

const USER_KEY = 'optix.user';
const DEFINITE: ReadonlySet<number> = new Set([400, 401, 403, 422]);

export const sessionStore = new ExternalStore<Session>({ phase: 'starting' });

function dispatch(event: SessionEvent): void {
  sessionStore.set(reduceSession(sessionStore.get(), event));
}

function isUser(value: unknown): value is User {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    'email' in value &&
    'role' in value
  );
}

export async function acceptTokens(tokens: Tokens): Promise<void> {
  if (tokens.refresh_token !== null) await refreshTokens.save(tokens.refresh_token);
  await saveJson(USER_KEY, tokens.user);
  dispatch({ type: 'tokens', tokens, at: Date.now() });
}

/** What signing in answers: a session, or a challenge that asks for more. */
export async function acceptSignIn(answer: Tokens | SecondFactorNeeded): Promise<void> {
  if (answer.status === 'signed_in') await acceptTokens(answer);
  else dispatch({ type: 'factor-needed', answer, at: Date.now() });
}

export function dropChallenge(): void {
  dispatch({ type: 'factor-dropped' });
}

/** A token that says a factor was proven just now takes the place of the present one. */
export function acceptStepUp(answer: SteppedUp): void {
  dispatch({ type: 'stepped-up', answer, at: Date.now() });
}

/** The account as the server has it now. */
export async function acceptUser(user: User): Promise<void> {
  dispatch({ type: 'user', user });
  const session = sessionStore.get();
  // An answer that comes after signing out must not leave anything on the device.
  if (session.phase === 'signed-in' && session.user === user) await saveJson(USER_KEY, user);
}

async function forget(event: SessionEvent): Promise<void> {
  await refreshTokens.clear();
  await removeKey(USER_KEY);
  dispatch(event);
}

export async function postAuth(path: string, body: object): Promise<Response> {
  return fetch(`${httpOrigin()}/api/v1/auth/${path}`, {
    method: 'POST',
    credentials: 'include',
    headers: { 'content-type': 'application/json', 'x-optix-client': clientKind },
    body: JSON.stringify({ client: clientKind, ...body }),
  });
}

async function refreshBody(): Promise<object> {
  const kept = await refreshTokens.load();
  return kept === null ? {} : { refresh_token: kept };
}

async function renewOnce(): Promise<string> {
  const response = await postAuth('refresh', await refreshBody());
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    if (DEFINITE.has(response.status)) await forget({ type: 'ended' });
    throw new ApiError(failureOf(response.status, body));
  }
  // The one answer outside the generated client: its shape is pinned by the same schema.
  const tokens = body as Tokens;
  await acceptTokens(tokens);
  return tokens.access_token;
}

let renewal: Promise<string> | null = null;

/** Renew the access token; callers at the same time get the same renewal. */
export function renew(): Promise<string> {
  renewal ??= renewOnce().finally(() => {
    renewal = null;
  });
  return renewal;
}

/** A token that still has time to live, renewed first when it has not. */
export async function validToken(): Promise<string> {
  return usableToken(sessionStore.get(), Date.now()) ?? renew();
}

/** Take up the session this device kept. Without a network the kept user opens what was last seen. */
export async function restoreSession(): Promise<void> {
  const user = await loadJson(USER_KEY);
  if (!isUser(user)) {
    dispatch({ type: 'nothing-kept' });
    return;
  }
  try {
    await renew();
  } catch {
    dispatch({ type: 'kept', user });
  }
}

/** The server takes no token of this session any more: somebody has to sign in. */
export async function endSession(): Promise<void> {
  await forget({ type: 'ended' });
}

/** The account is gone on the server: forget it here too. */
export async function forgetAccount(): Promise<void> {
  await forget({ type: 'deleted' });
}

export async function signOut(): Promise<void> {
  const body = await refreshBody();
  await forget({ type: 'signed-out' });
  // The device has forgotten already; a server that cannot be reached lets the token run out.
  await postAuth('logout', body).catch(() => null);
}

/** Milliseconds until the access token should be renewed, or null when there is none. */
export function renewInMs(session: Session, at: number): number | null {
  if (session.phase !== 'signed-in' || session.access === null) return null;
  return Math.max(0, session.access.endsAt - RENEW_BEFORE_MS - at);
}
