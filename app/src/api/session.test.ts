// The session is a pure reducer: every event from every phase.
import { reduceSession, usableToken, type Session } from '@/api/session';
import type { Tokens, User } from '@/api/types';

const user: User = {
  id: 'u1',
  email: 'a@example.com',
  display_name: 'A',
  role: 'user',
  created_at: '2026-01-01T00:00:00Z',
};
const tokens: Tokens = {
  access_token: 'secret',
  token_type: 'bearer',
  expires_in: 900,
  refresh_token: null,
  user,
};
const starting: Session = { phase: 'starting' };
const kept: Session = { phase: 'signed-in', user, access: null };

test('tokens sign in and say when they end', () => {
  const session = reduceSession(starting, { type: 'tokens', tokens, at: 1_000 });
  expect(session).toEqual({
    phase: 'signed-in',
    user,
    access: { token: 'secret', endsAt: 901_000 },
  });
});

test('a kept user opens the app without a network, only while it starts', () => {
  expect(reduceSession(starting, { type: 'kept', user })).toEqual(kept);
  const out: Session = { phase: 'signed-out', ended: false };
  expect(reduceSession(out, { type: 'kept', user })).toBe(out);
});

test('nothing kept means signed out, but never undoes a sign-in', () => {
  expect(reduceSession(starting, { type: 'nothing-kept' })).toEqual({
    phase: 'signed-out',
    ended: false,
  });
  expect(reduceSession(kept, { type: 'nothing-kept' })).toBe(kept);
});

test('a session that ended is told apart from one the person left', () => {
  expect(reduceSession(kept, { type: 'ended' })).toEqual({ phase: 'signed-out', ended: true });
  expect(reduceSession(starting, { type: 'ended' })).toEqual({
    phase: 'signed-out',
    ended: false,
  });
  expect(reduceSession(kept, { type: 'signed-out' })).toEqual({
    phase: 'signed-out',
    ended: false,
  });
});

test('a token that is about to end is not used', () => {
  const session = reduceSession(starting, { type: 'tokens', tokens, at: 0 });
  expect(usableToken(session, 0)).toBe('secret');
  expect(usableToken(session, 869_000)).toBe('secret');
  expect(usableToken(session, 871_000)).toBeNull();
  expect(usableToken(kept, 0)).toBeNull();
  expect(usableToken(starting, 0)).toBeNull();
});
