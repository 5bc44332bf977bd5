/** Signing in through somebody else: out to their page, and back with a code that works once. */
import { api, unwrap } from '@/api/client';
import { acceptSignIn } from '@/api/session-store';
import { IssuerProblem } from '@/api/use-action';
import { deviceName } from '@/lib/device-name';
import { awayToIssuer } from '@/lib/issuer-trip';
import { clientKind } from '@/lib/platform';

export async function finishIssuer(handle: string, code: string): Promise<void> {
  const body = { handle, code, client: clientKind, device_name: deviceName() };
  await acceptSignIn(await unwrap(api.POST('/api/v1/auth/issuers/finish', { body })));
}

/** On the web the page leaves, and the page it comes back to goes on. */
export async function signInWithIssuer(issuer: string): Promise<void> {
  const begun = await unwrap(
    api.POST('/api/v1/auth/issuers/{issuer}/start', {
      params: { path: { issuer } },
      body: { client: clientKind },
    }),
  );
  const back = await awayToIssuer(begun.url, begun.handle, 'sign-in');
  if (back === null) return;
  if ('problem' in back) throw new IssuerProblem(back.problem);
  await finishIssuer(back.handle, back.code);
}
