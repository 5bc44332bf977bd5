// Bad input is named before anything is sent; the server's words go where they belong.
import { complaints, looksLikeEmail, placeFailure } from '@/features/auth/model';

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

const problem = {
  kind: 'problem' as const,
  temporary: false,
  status: 409,
  code: 'email_taken',
  detail: 'An account with this e-mail exists.',
  nextStep: 'Sign in.',
  requestId: 'r',
};

test('words about a field stand below the field', () => {
  const placed = placeFailure({ ...problem, fields: { email: 'Taken.' } }, 'off', 'odd');
  expect(placed).toEqual({ email: 'Taken.', password: null, display_name: null, form: null });
});

test('words about no field stand above the button', () => {
  const placed = placeFailure({ ...problem, fields: { other: 'x' } }, 'off', 'odd');
  expect(placed.form).toBe('An account with this e-mail exists. Sign in.');
  expect(placeFailure({ kind: 'offline', temporary: true }, 'off', 'odd').form).toBe('off');
  const odd = { kind: 'unreadable', temporary: true, status: 502 } as const;
  expect(placeFailure(odd, 'off', 'odd').form).toBe('odd');
});
