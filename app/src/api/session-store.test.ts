// Renewal over a scripted fetch: one renewal at a time, and only definite answers sign out.
import {
  acceptSignIn,
  acceptStepUp,
  acceptTokens,
  acceptUser,
  dropChallenge,
  forgetAccount,
  renew,
  restoreSession,
  sessionStore,
  signOut,
  validToken,
} from '@/api/session-store';
import { testTokens, testUser } from '@/api/test-user';
import { loadJson, saveJson } from '@/lib/storage';

jest.mock('@/lib/secure', () => {
  let kept: string | null = null;
  return {
    refreshTokens: {
      load: async () => kept,
      save: async (token: string) => {
        kept = token;
      },
      clear: async () => {
        kept = null;
      },
    },
  };
});

const user = testUser;
const tokens = testTokens;

const fetchMock = jest.fn();

beforeEach(async () => {
  fetchMock.mockReset();
  global.fetch = fetchMock;
  await acceptTokens(tokens('first'));
});

function answer(status: number, body: unknown): Response {
  return { ok: status < 400, status, json: async () => body } as Response;
}

test('callers at the same time share one renewal', async () => {
  fetchMock.mockResolvedValue(answer(200, tokens('second')));
  const both = await Promise.all([renew(), renew()]);
  expect(both).toEqual(['second', 'second']);
  expect(fetchMock).toHaveBeenCalledTimes(1);
  expect(JSON.parse(fetchMock.mock.calls[0][1].body)).toMatchObject({
    refresh_token: 'refresh-first',
  });
});

test('a token with time left is used without asking', async () => {
  await expect(validToken()).resolves.toBe('first');
  expect(fetchMock).not.toHaveBeenCalled();
});

test('a definite no signs out', async () => {
  fetchMock.mockResolvedValue(answer(401, { code: 'refresh_invalid', detail: 'Ended.' }));
  await expect(renew()).rejects.toThrow('Ended.');
  expect(sessionStore.get()).toEqual({
    phase: 'signed-out',
    notice: 'ended',
    challenge: null,
  });
});

test('a server in trouble or a lost network does not sign out', async () => {
  fetchMock.mockResolvedValueOnce(answer(503, { code: 'unavailable', detail: 'Later.' }));
  await expect(renew()).rejects.toThrow('Later.');
  fetchMock.mockRejectedValueOnce(new TypeError('Failed to fetch'));
  await expect(renew()).rejects.toThrow('Failed to fetch');
  expect(sessionStore.get().phase).toBe('signed-in');
});

test('signing out forgets at once, even when the server cannot be reached', async () => {
  fetchMock.mockRejectedValue(new TypeError('Failed to fetch'));
  await signOut();
  expect(sessionStore.get()).toEqual({
    phase: 'signed-out',
    notice: null,
    challenge: null,
  });
});

test('without a network the kept user opens the app', async () => {
  sessionStore.set({ phase: 'starting' });
  await saveJson('optix.user', user);
  fetchMock.mockRejectedValue(new TypeError('Failed to fetch'));
  await restoreSession();
  expect(sessionStore.get()).toEqual({ phase: 'signed-in', user, access: null });
});

test('a damaged user record starts as new', async () => {
  sessionStore.set({ phase: 'starting' });
  await saveJson('optix.user', { id: 1 });
  await restoreSession();
  expect(sessionStore.get()).toEqual({
    phase: 'signed-out',
    notice: null,
    challenge: null,
  });
});

test('a password that is not enough leaves a challenge, which can be dropped', async () => {
  await signOut();
  await acceptSignIn({
    status: 'second_factor',
    challenge: 'c1',
    methods: ['totp'],
    expires_in: 300,
  });
  expect(sessionStore.get()).toMatchObject({ phase: 'signed-out', challenge: { challenge: 'c1' } });
  dropChallenge();
  expect(sessionStore.get()).toMatchObject({ challenge: null });
  await acceptSignIn(tokens('third'));
  await expect(validToken()).resolves.toBe('third');
});

test('after a step-up the fresh token is the one in use', async () => {
  acceptStepUp({
    access_token: 'fresh',
    token_type: 'bearer',
    expires_in: 900,
    step_up_expires_in: 300,
  });
  await expect(validToken()).resolves.toBe('fresh');
});

test('the account as the server has it is kept for the next start', async () => {
  await acceptUser({ ...user, display_name: 'A. L.' });
  sessionStore.set({ phase: 'starting' });
  fetchMock.mockRejectedValue(new TypeError('Failed to fetch'));
  await restoreSession();
  expect(sessionStore.get()).toMatchObject({ user: { display_name: 'A. L.' } });
});

test('an answer that comes after signing out leaves nothing on the device', async () => {
  fetchMock.mockResolvedValue(answer(204, null));
  await signOut();
  await acceptUser(user);
  expect(await loadJson('optix.user')).toBeNull();
});

test('a deleted account leaves nothing on the device', async () => {
  await forgetAccount();
  expect(sessionStore.get()).toMatchObject({ phase: 'signed-out', notice: 'deleted' });
  sessionStore.set({ phase: 'starting' });
  await restoreSession();
  expect(sessionStore.get()).toMatchObject({ phase: 'signed-out', notice: null });
  expect(fetchMock).not.toHaveBeenCalled();
});
