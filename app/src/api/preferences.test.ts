// A change shows at once, waits without a network, is sent once, and comes back when refused.
import { changePreferences, renameUser, sendWaitingPreferences } from '@/api/preferences';
import { acceptTokens, sessionStore } from '@/api/session-store';
import { testTokens, testUser } from '@/api/test-user';
import { loadJson } from '@/lib/storage';

jest.mock('@/lib/secure', () => ({
  refreshTokens: {
    load: async () => null,
    save: async () => undefined,
    clear: async () => undefined,
  },
}));

const fetchMock = jest.fn();
const themeNow = () => {
  const session = sessionStore.get();
  return session.phase === 'signed-in' ? session.user.preferences.theme : null;
};

beforeEach(async () => {
  fetchMock.mockReset();
  global.fetch = fetchMock;
  await acceptTokens(testTokens());
});

function answer(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json' },
  });
}

const light = { ...testUser, preferences: { ...testUser.preferences, theme: 'light' } };

test('the server takes it: nothing waits any more', async () => {
  fetchMock.mockResolvedValue(answer(200, light));
  await changePreferences({ theme: 'light' });
  expect(themeNow()).toBe('light');
  expect(await loadJson('optix.preferences')).toBeNull();
});

test('without a network it stays and is sent once there is one', async () => {
  fetchMock.mockRejectedValue(new TypeError('Failed to fetch'));
  await changePreferences({ theme: 'light' });
  expect(themeNow()).toBe('light');
  await acceptTokens(testTokens());
  expect(themeNow()).toBe('system');
  fetchMock.mockReset();
  fetchMock.mockResolvedValue(answer(200, light));
  await sendWaitingPreferences();
  expect(themeNow()).toBe('light');
  await sendWaitingPreferences();
  expect(fetchMock).toHaveBeenCalledTimes(1);
});

test('a refusal that will not pass brings the old state back', async () => {
  fetchMock.mockResolvedValue(answer(422, { code: 'invalid_input', detail: 'No such theme.' }));
  await expect(changePreferences({ theme: 'light' })).rejects.toThrow('No such theme.');
  expect(themeNow()).toBe('system');
  expect(await loadJson('optix.preferences')).toBeNull();
});

test('two choices in a row are both kept, whichever answer takes long', async () => {
  const sent: Record<string, unknown>[] = [];
  fetchMock.mockImplementation(async (request: Request) => {
    const { preferences } = (await request.json()) as { preferences: Record<string, unknown> };
    sent.push(preferences);
    if (sent.length === 1) await new Promise((resolve) => setTimeout(resolve, 20));
    return answer(200, { ...testUser, preferences });
  });
  const first = changePreferences({ theme: 'light' });
  const second = changePreferences({ direction_colours: 'blue_orange' });
  await first;
  expect(sessionStore.get()).toMatchObject({
    user: { preferences: { theme: 'light', direction_colours: 'blue_orange' } },
  });
  await second;
  expect(sent.at(-1)).toMatchObject({ theme: 'light', direction_colours: 'blue_orange' });
  expect(sessionStore.get()).toMatchObject({
    user: { preferences: { theme: 'light', direction_colours: 'blue_orange' } },
  });
  expect(await loadJson('optix.preferences')).toBeNull();
});

test('what is chosen while the answer to the choice before is on its way stays waiting', async () => {
  let finish: (value: Response) => void = () => undefined;
  fetchMock.mockImplementationOnce(
    () =>
      new Promise<Response>((resolve) => {
        finish = resolve;
      }),
  );
  fetchMock.mockRejectedValueOnce(new TypeError('Failed to fetch'));
  const first = changePreferences({ theme: 'light' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const second = changePreferences({ direction_colours: 'blue_orange' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  finish(answer(200, light));
  await Promise.all([first, second]);
  expect(sessionStore.get()).toMatchObject({
    user: { preferences: { theme: 'light', direction_colours: 'blue_orange' } },
  });
  expect(await loadJson('optix.preferences')).toMatchObject({
    change: { direction_colours: 'blue_orange' },
  });
});

test('a choice whose turn comes after one has signed out is not sent', async () => {
  let finish: (value: Response) => void = () => undefined;
  fetchMock.mockImplementationOnce(
    () =>
      new Promise<Response>((resolve) => {
        finish = resolve;
      }),
  );
  const first = changePreferences({ theme: 'light' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const second = changePreferences({ direction_colours: 'blue_orange' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  sessionStore.set({ phase: 'signed-out', notice: null, challenge: null });
  finish(answer(200, light));
  await Promise.all([first, second]);
  expect(fetchMock).toHaveBeenCalledTimes(1);
});

test('a person who signs out meanwhile is not brought back by an answer', async () => {
  let finish: (value: Response) => void = () => undefined;
  fetchMock.mockImplementationOnce(
    () =>
      new Promise<Response>((resolve) => {
        finish = resolve;
      }),
  );
  const change = changePreferences({ theme: 'light' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  sessionStore.set({ phase: 'signed-out', notice: null, challenge: null });
  finish(answer(200, light));
  await change;
  expect(sessionStore.get().phase).toBe('signed-out');
});

test('a refusal after one has signed out changes nobody', async () => {
  let finish: (value: Response) => void = () => undefined;
  fetchMock.mockImplementationOnce(
    () =>
      new Promise<Response>((resolve) => {
        finish = resolve;
      }),
  );
  const change = changePreferences({ theme: 'light' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const refused = change.catch((error: unknown) => error);
  sessionStore.set({ phase: 'signed-out', notice: null, challenge: null });
  finish(answer(422, { code: 'invalid_input', detail: 'No such theme.' }));
  expect(await refused).toBeInstanceOf(Error);
  expect(sessionStore.get().phase).toBe('signed-out');
});

test('a name is sent without the spaces around it', async () => {
  fetchMock.mockResolvedValue(answer(200, { ...testUser, display_name: 'A. L.' }));
  await renameUser('  A. L. ');
  expect(await (fetchMock.mock.calls[0][0] as Request).json()).toEqual({ display_name: 'A. L.' });
  expect(sessionStore.get()).toMatchObject({ user: { display_name: 'A. L.' } });
});

test('signed out, nothing waits and nothing is sent', async () => {
  sessionStore.set({ phase: 'signed-out', notice: null, challenge: null });
  await changePreferences({ theme: 'light' });
  await sendWaitingPreferences();
  expect(fetchMock).not.toHaveBeenCalled();
});

test('a waiting change that is refused later is given up, and nothing breaks', async () => {
  fetchMock.mockRejectedValue(new TypeError('Failed to fetch'));
  await changePreferences({ theme: 'light' });
  fetchMock.mockReset();
  fetchMock.mockResolvedValue(answer(422, { code: 'invalid_input', detail: 'No such theme.' }));
  await acceptTokens(testTokens());
  await sendWaitingPreferences();
  expect(themeNow()).toBe('system');
  expect(await loadJson('optix.preferences')).toBeNull();
});

test("one person's waiting change never reaches another's account", async () => {
  fetchMock.mockRejectedValue(new TypeError('Failed to fetch'));
  await changePreferences({ theme: 'light' });
  await acceptTokens(testTokens('other', { ...testUser, id: 'u2' }));
  fetchMock.mockReset();
  await sendWaitingPreferences();
  expect(fetchMock).not.toHaveBeenCalled();
  expect(themeNow()).toBe('system');
});
