// What is asked before signing in carries no token; everything else does.
import { isPublic } from '@/api/client';

jest.mock('@/lib/secure', () => ({ refreshTokens: {} }));

const at = (path: string) => isPublic(`http://localhost:8000/api/v1/${path}`);

test.each([
  'app/config',
  'auth/register',
  'auth/register/resend',
  'auth/verify-email',
  'auth/login',
  'auth/login/factor',
  'auth/refresh',
  'auth/logout',
  'auth/try',
  'auth/password-reset',
  'auth/password-reset/confirm',
  'auth/password-strength',
  'auth/passkeys/authentication',
  'auth/passkeys/authentication/options',
  'auth/issuers',
  'auth/issuers/finish',
  'auth/issuers/google/start',
])('%s is asked without a token', (path) => expect(at(path)).toBe(true));

test.each([
  'auth/password',
  'auth/sessions',
  'auth/sessions/end-others',
  'auth/mfa',
  'auth/mfa/setup',
  'auth/step-up',
  'auth/step-up/passkey-options',
  'auth/passkeys',
  'auth/passkeys/registration/options',
  'auth/issuers/linked',
  'auth/issuers/google/link',
  'users/me',
  'admin/users',
  'quotes',
])('%s carries the token', (path) => expect(at(path)).toBe(false));
