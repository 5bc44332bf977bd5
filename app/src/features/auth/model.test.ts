// Bad input is named before anything is sent; codes are not asked for again at once.
import { complaints, resendWaitMs } from '@/features/auth/model';
import { looksLikeEmail } from '@/lib/account-input';

test('addresses are judged by their shape only', () => {
  expect(looksLikeEmail(' test@optix.io ')).toBe(true);
  for (const text of ['', 'test', 'test@', '@optix.io', 'a b@optix.io', 'a@b', 'a@b.']) {
    expect(looksLikeEmail(text)).toBe(false);
  }
});

test('a password must be there, and long enough when it is new', () => {
  expect(complaints('a@b.io', '', false)).toEqual(['password-empty']);
  expect(complaints('a@b.io', 'short', false)).toEqual([]);
  expect(complaints('a@b.io', 'short', true)).toEqual(['password-short']);
  expect(complaints('a', '', true)).toEqual(['email', 'password-empty']);
});

test('each further code takes longer, up to five minutes', () => {
  expect([1, 2, 3, 4, 5, 20].map(resendWaitMs)).toEqual([
    30_000, 60_000, 120_000, 240_000, 300_000, 300_000,
  ]);
});
