// The session is a pure reducer: every event from every phase.
import { reduceSession, usableToken, type Session, type SessionEvent } from '@/api/session';
import { testTokens, testUser } from '@/api/test-user';
import type { SecondFactorNeeded } from '@/api/types';

const START: Session = { phase: 'starting' };
const OUT: Session = { phase: 'signed-out', notice: null, challenge: null };
const IN: Session = {
  phase: 'signed-in',
  user: testUser,
  access: { token: 'access', endsAt: 900_000 },
};
const needed: SecondFactorNeeded = {
  status: 'second_factor',
  challenge: 'c1',
  methods: ['totp', 'passkey'],
  expires_in: 300,
};
const CHALLENGED: Session = {
  phase: 'signed-out',
  notice: null,
  challenge: { challenge: 'c1', methods: ['totp', 'passkey'], endsAt: 301_000 },
};

const cases: [string, Session, SessionEvent, Session][] = [
  ['nothing kept: signed out', START, { type: 'nothing-kept' }, OUT],
  ['nothing kept comes too late to sign out', IN, { type: 'nothing-kept' }, IN],
  [
    'a kept user opens without a token',
    START,
    { type: 'kept', user: testUser },
    { phase: 'signed-in', user: testUser, access: null },
  ],
  ['a kept user does not replace tokens', IN, { type: 'kept', user: testUser }, IN],
  ['tokens sign in', START, { type: 'tokens', tokens: testTokens(), at: 0 }, IN],
  ['tokens end a challenge', CHALLENGED, { type: 'tokens', tokens: testTokens(), at: 0 }, IN],
  [
    'a right password may ask for more',
    OUT,
    { type: 'factor-needed', answer: needed, at: 1_000 },
    CHALLENGED,
  ],
  [
    'a late challenge does not sign anybody out',
    IN,
    { type: 'factor-needed', answer: needed, at: 1_000 },
    IN,
  ],
  ['a challenge can be left', CHALLENGED, { type: 'factor-dropped' }, OUT],
  ['nothing to leave while signed in', IN, { type: 'factor-dropped' }, IN],
  ['an ended session says so', IN, { type: 'ended' }, { ...OUT, notice: 'ended' }],
  ['what never began does not end', START, { type: 'ended' }, OUT],
  ['a deleted account says so', IN, { type: 'deleted' }, { ...OUT, notice: 'deleted' }],
  ['signing out is silent', IN, { type: 'signed-out' }, OUT],
];

test.each(cases)('%s', (_name, before, event, after) => {
  expect(reduceSession(before, event)).toEqual(after);
});

test('a step-up changes the token and nothing else, and revives nobody', () => {
  const answer = {
    access_token: 'fresh',
    token_type: 'bearer' as const,
    expires_in: 60,
    step_up_expires_in: 300,
  };
  const event = { type: 'stepped-up' as const, answer, at: 5_000 };
  expect(reduceSession(IN, event)).toEqual({
    ...IN,
    access: { token: 'fresh', endsAt: 65_000 },
  });
  expect(reduceSession(OUT, event)).toEqual(OUT);
});

test('a newer account is taken, another one never', () => {
  const renamed = { ...testUser, display_name: 'A' };
  expect(reduceSession(IN, { type: 'user', user: renamed })).toEqual({ ...IN, user: renamed });
  expect(reduceSession(IN, { type: 'user', user: { ...renamed, id: 'u2' } })).toBe(IN);
  expect(reduceSession(OUT, { type: 'user', user: renamed })).toBe(OUT);
});

test('a token is used until shortly before it ends', () => {
  expect(usableToken(IN, 0)).toBe('access');
  expect(usableToken(IN, 869_999)).toBe('access');
  expect(usableToken(IN, 870_000)).toBeNull();
  expect(usableToken({ ...IN, access: null }, 0)).toBeNull();
  expect(usableToken(OUT, 0)).toBeNull();
});
