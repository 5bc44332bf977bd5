/** The account endpoints that need no session. Each takes up the session it gets. */
import { queryOptions, useMutation } from '@tanstack/react-query';

import { api, done, unwrap } from '@/api/client';
import { assertPasskey, toProof, type Given } from '@/api/factor-proof';
import { dropRegistration, keepRegistration } from '@/api/pending-registration';
import { acceptSignIn, acceptTokens } from '@/api/session-store';
import { deviceName } from '@/lib/device-name';
import { clientKind } from '@/lib/platform';

export interface CredentialsInput {
  email: string;
  password: string;
}

function device() {
  return { client: clientKind, device_name: deviceName() };
}

export async function signIn(input: CredentialsInput): Promise<void> {
  const body = { email: input.email.trim(), password: input.password, ...device() };
  await acceptSignIn(await unwrap(api.POST('/api/v1/auth/login', { body })));
}

export interface RegistrationInput extends CredentialsInput {
  displayName: string;
}

/** Begin a registration: a code goes to the address. The answer is the same for a known one. */
export async function register(input: RegistrationInput): Promise<void> {
  const email = input.email.trim();
  const body = { email, password: input.password, display_name: input.displayName.trim() };
  const begun = await unwrap(api.POST('/api/v1/auth/register', { body }));
  await keepRegistration({
    id: begun.registration_id,
    email,
    endsAt: Date.parse(begun.expires_at),
  });
}

export async function resendCode(registrationId: string): Promise<void> {
  const body = { registration_id: registrationId };
  await done(api.POST('/api/v1/auth/register/resend', { body }));
}

export async function verifyEmail(registrationId: string, code: string): Promise<void> {
  const body = { registration_id: registrationId, code, ...device() };
  const tokens = await unwrap(api.POST('/api/v1/auth/verify-email', { body }));
  await dropRegistration();
  await acceptTokens(tokens);
}

export async function requestReset(email: string): Promise<void> {
  await done(api.POST('/api/v1/auth/password-reset', { body: { email: email.trim() } }));
}

export async function confirmReset(token: string, password: string): Promise<void> {
  const body = { token, new_password: password };
  await done(api.POST('/api/v1/auth/password-reset/confirm', { body }));
}

function passkeyOptions(challenge: string | null) {
  const body = { challenge, client: clientKind };
  return unwrap(api.POST('/api/v1/auth/passkeys/authentication/options', { body }));
}

/** The second factor of a sign-in whose password was right. */
export async function proveFactor(challenge: string, given: Given): Promise<void> {
  const proof = await toProof(given, () => passkeyOptions(challenge));
  if (proof.method === 'password') throw new Error('A password is no second factor.');
  const body = { challenge, proof, ...device() };
  await acceptTokens(await unwrap(api.POST('/api/v1/auth/login/factor', { body })));
}

/** Signing in with a passkey alone: the device knows which account it is for. */
export async function signInWithPasskey(): Promise<void> {
  const asked = await passkeyOptions(null);
  const body = { handle: asked.handle, credential: await assertPasskey(asked), ...device() };
  await acceptTokens(await unwrap(api.POST('/api/v1/auth/passkeys/authentication', { body })));
}

/** One tap into the development account; the server offers it in development only. */
export function useTryIt() {
  return useMutation({
    networkMode: 'always',
    mutationFn: async () => {
      const body = { client: clientKind };
      await acceptTokens(await unwrap(api.POST('/api/v1/auth/try', { body })));
    },
  });
}

const ISSUERS_STALE_MS = 5 * 60_000;

/** Who else can vouch for a person here; usually nobody, which shows nothing. */
export const issuersQuery = queryOptions({
  queryKey: ['issuers'] as const,
  staleTime: ISSUERS_STALE_MS,
  queryFn: () => unwrap(api.GET('/api/v1/auth/issuers')),
});
