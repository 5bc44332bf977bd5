// What an action throws becomes words in the right place; closing a sheet becomes none.
import { ApiError, failureOf } from '@/api/failure';
import { StepUpCancelled } from '@/api/step-up';
import { IssuerProblem, NO_WORDS, wordsOf } from '@/api/use-action';
import { t } from '@/i18n/t';
import { PasskeyError } from '@/lib/passkey-error';

jest.mock('@/lib/secure', () => ({ refreshTokens: {} }));

function refused(fields: object) {
  const body = { code: 'refused', detail: 'It is taken.', next_step: 'Sign in.', fields };
  return new ApiError(failureOf(409, body));
}

test('words about a field of the form stand below it', () => {
  const words = wordsOf(refused({ email: 'Taken.', other: 'x' }), ['email']);
  expect(words).toEqual({ fields: { email: 'Taken.' }, form: null, code: 'refused' });
});

test('words about no field of the form stand above the button, with the next step', () => {
  expect(wordsOf(refused({ other: 'x' }), ['email']).form).toBe('It is taken. Sign in.');
  expect(wordsOf(refused({})).form).toBe('It is taken. Sign in.');
});

test('no answer and a strange answer have words of their own', () => {
  expect(wordsOf(new TypeError('Failed to fetch')).form).toContain(t('error.offline.title'));
  expect(wordsOf(new ApiError(failureOf(502, '<html>'))).form).toBe(t('error.unreadable.text'));
});

test('a closed sheet and a cancelled passkey leave no words', () => {
  expect(wordsOf(new StepUpCancelled())).toEqual(NO_WORDS);
  expect(wordsOf(new PasskeyError('cancelled'))).toEqual(NO_WORDS);
});

test('every problem of passkeys and issuers has words', () => {
  for (const problem of ['already-here', 'unsupported', 'failed'] as const) {
    expect(wordsOf(new PasskeyError(problem)).form).toBe(t(`passkey.error.${problem}`));
  }
  expect(wordsOf(new IssuerProblem('cancelled')).form).toBe(t('issuer.cancelled'));
  expect(wordsOf(new IssuerProblem('issuer_refused')).form).toBe(t('issuer.refused'));
  expect(wordsOf(new IssuerProblem('anything')).form).toBe(t('issuer.missing'));
});
