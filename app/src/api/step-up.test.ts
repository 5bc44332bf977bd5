// A guarded action asks once, whoever else asks meanwhile, and runs again with the fresh token.
import { ApiError, failureOf } from '@/api/failure';
import { acceptTokens, validToken } from '@/api/session-store';
import { needsStepUp, StepUpCancelled, stepUpStore, withStepUp } from '@/api/step-up';
import { testTokens } from '@/api/test-user';

const needed = new ApiError(failureOf(403, { code: 'step_up_needed', detail: 'Prove it.' }));
const fresh = {
  access_token: 'fresh',
  token_type: 'bearer' as const,
  expires_in: 900,
  step_up_expires_in: 300,
};

jest.mock('@/lib/secure', () => ({
  refreshTokens: {
    load: async () => null,
    save: async () => undefined,
    clear: async () => undefined,
  },
}));

beforeEach(() => acceptTokens(testTokens('stale')));

/** Fails until the token is the fresh one. */
function guarded() {
  return jest.fn(async () => {
    if ((await validToken()) !== 'fresh') throw needed;
    return 'done';
  });
}

async function question() {
  for (let turn = 0; turn < 20 && stepUpStore.get() === null; turn += 1) await Promise.resolve();
  const asked = stepUpStore.get();
  if (asked === null) throw new Error('Nobody was asked.');
  return asked;
}

test('what needs no proof asks nobody', async () => {
  await expect(withStepUp(async () => 'done')).resolves.toBe('done');
  expect(stepUpStore.get()).toBeNull();
});

test('another failure is passed on without a question', async () => {
  const other = new ApiError(failureOf(409, { code: 'conflict', detail: 'No.' }));
  await expect(withStepUp(() => Promise.reject(other))).rejects.toBe(other);
  expect(stepUpStore.get()).toBeNull();
  expect([needed, other, new Error('x')].map(needsStepUp)).toEqual([true, false, false]);
});

test('after the proof the action runs once more, with the fresh token', async () => {
  const action = guarded();
  const result = withStepUp(action);
  (await question()).answered(fresh);
  await expect(result).resolves.toBe('done');
  expect(action).toHaveBeenCalledTimes(2);
  expect(stepUpStore.get()).toBeNull();
});

test('two actions at once share one question', async () => {
  const actions = [guarded(), guarded()];
  const results = actions.map((action) => withStepUp(action));
  const asked = await question();
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  expect(stepUpStore.get()).toBe(asked);
  asked.answered(fresh);
  await expect(Promise.all(results)).resolves.toEqual(['done', 'done']);
});

test('closing the sheet ends the action, which is not tried again', async () => {
  const action = guarded();
  const result = withStepUp(action);
  (await question()).cancelled();
  await expect(result).rejects.toBeInstanceOf(StepUpCancelled);
  expect(action).toHaveBeenCalledTimes(1);
  expect(stepUpStore.get()).toBeNull();
});

test('a proof that is refused again is passed on, not asked for in a circle', async () => {
  const action = jest.fn(() => Promise.reject(needed));
  const result = withStepUp(action);
  (await question()).answered(fresh);
  await expect(result).rejects.toBe(needed);
  expect(action).toHaveBeenCalledTimes(2);
});
