/** Factors, passkeys, devices and the account itself: questions, and actions that may need a step-up. */
import { queryOptions } from '@tanstack/react-query';

import { api, done, unwrap } from '@/api/client';
import { toProof, type Given } from '@/api/factor-proof';
import { queryClient } from '@/api/query-client';
import { acceptUser, forgetAccount } from '@/api/session-store';
import { withStepUp } from '@/api/step-up';
import type { NewCredential, PasskeyAdded, SteppedUp, TotpSetup } from '@/api/types';
import { createPasskey } from '@/lib/passkey';

const STALE_MS = 15_000;

export const securityKeys = {
  all: ['security'] as const,
  factors: ['security', 'factors'] as const,
  passkeys: ['security', 'passkeys'] as const,
  sessions: ['security', 'sessions'] as const,
  linked: ['security', 'linked'] as const,
  issuers: ['issuers'] as const,
};

export const factorsQuery = queryOptions({
  queryKey: securityKeys.factors,
  staleTime: STALE_MS,
  queryFn: () => unwrap(api.GET('/api/v1/auth/mfa')),
});

export const passkeysQuery = queryOptions({
  queryKey: securityKeys.passkeys,
  staleTime: STALE_MS,
  queryFn: () => unwrap(api.GET('/api/v1/auth/passkeys')),
});

export const sessionsQuery = queryOptions({
  queryKey: securityKeys.sessions,
  staleTime: STALE_MS,
  queryFn: () => unwrap(api.GET('/api/v1/auth/sessions')),
});

export const linkedQuery = queryOptions({
  queryKey: securityKeys.linked,
  staleTime: STALE_MS,
  queryFn: () => unwrap(api.GET('/api/v1/auth/issuers/linked')),
});

export const issuersQuery = queryOptions({
  queryKey: securityKeys.issuers,
  staleTime: 5 * 60_000,
  queryFn: () => unwrap(api.GET('/api/v1/auth/issuers')),
});

/** One change touches several of these lists: all are asked again. */
async function refreshed<T>(change: Promise<T>): Promise<T> {
  const result = await change;
  await queryClient.invalidateQueries({ queryKey: securityKeys.all });
  return result;
}

/** The account as the server has it now. */
export async function refreshUser(): Promise<void> {
  await acceptUser(await unwrap(api.GET('/api/v1/users/me')));
}

// --- step-up -------------------------------------------------------------------------------------

export async function proveStepUp(given: Given): Promise<SteppedUp> {
  const proof = await toProof(given, () =>
    unwrap(api.POST('/api/v1/auth/step-up/passkey-options')),
  );
  return unwrap(api.POST('/api/v1/auth/step-up', { body: { proof } }));
}

// --- authenticator app and recovery codes --------------------------------------------------------

export function beginTotp(): Promise<TotpSetup> {
  return withStepUp(() => unwrap(api.POST('/api/v1/auth/mfa/setup')));
}

/** The first code of the app turns it on, and brings the recovery codes. */
export async function confirmTotp(code: string): Promise<readonly string[]> {
  const made = await unwrap(api.POST('/api/v1/auth/mfa/verify', { body: { code } }));
  await refreshed(refreshUser());
  return made.codes;
}

export async function removeTotp(): Promise<void> {
  await withStepUp(() => done(api.DELETE('/api/v1/auth/mfa')));
  await refreshed(refreshUser());
}

export async function newRecoveryCodes(): Promise<readonly string[]> {
  const made = await refreshed(
    withStepUp(() => unwrap(api.POST('/api/v1/auth/mfa/recovery-codes'))),
  );
  return made.codes;
}

// --- passkeys ------------------------------------------------------------------------------------

export async function addPasskey(name: string): Promise<PasskeyAdded> {
  const asked = await withStepUp(() =>
    unwrap(api.POST('/api/v1/auth/passkeys/registration/options')),
  );
  // A device answers in the names of the standard, which the wire type lists.
  const credential = (await createPasskey(asked.options)) as unknown as NewCredential;
  const body = { handle: asked.handle, credential, name: name.trim() };
  const added = await unwrap(api.POST('/api/v1/auth/passkeys/registration', { body }));
  await refreshed(refreshUser());
  return added;
}

export async function renamePasskey(id: string, name: string): Promise<void> {
  const params = { path: { passkey_id: id } };
  const body = { name: name.trim() };
  await refreshed(unwrap(api.PATCH('/api/v1/auth/passkeys/{passkey_id}', { params, body })));
}

export async function removePasskey(id: string): Promise<void> {
  const params = { path: { passkey_id: id } };
  await withStepUp(() => done(api.DELETE('/api/v1/auth/passkeys/{passkey_id}', { params })));
  await refreshed(refreshUser());
}

// --- devices -------------------------------------------------------------------------------------

export async function endSession(id: string): Promise<void> {
  const params = { path: { session_id: id } };
  await refreshed(done(api.DELETE('/api/v1/auth/sessions/{session_id}', { params })));
}

export async function endOtherSessions(): Promise<void> {
  await refreshed(unwrap(api.POST('/api/v1/auth/sessions/end-others')));
}

// --- the account ---------------------------------------------------------------------------------

export async function changePassword(password: string): Promise<void> {
  const body = { new_password: password };
  await withStepUp(() => done(api.POST('/api/v1/auth/password', { body })));
  await refreshed(refreshUser());
}

export async function beginEmailChange(email: string) {
  const body = { email: email.trim() };
  return withStepUp(() => unwrap(api.POST('/api/v1/users/me/email', { body })));
}

export async function confirmEmailChange(changeId: string, code: string): Promise<void> {
  const body = { change_id: changeId, code };
  await acceptUser(await unwrap(api.POST('/api/v1/users/me/email/confirm', { body })));
}

export async function deleteAccount(): Promise<void> {
  await withStepUp(() => done(api.DELETE('/api/v1/users/me')));
  await forgetAccount();
}

/** Everything this server has about the person, as text of a JSON file. */
export async function exportData(): Promise<string> {
  const data = await withStepUp(() => unwrap(api.POST('/api/v1/users/me/export')));
  return JSON.stringify(data, null, 2);
}
