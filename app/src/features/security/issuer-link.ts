/** Linking somebody else's account to this one: out to their page, and back. */
import { api, done, unwrap } from '@/api/client';
import { queryClient } from '@/api/query-client';
import { withStepUp } from '@/api/step-up';
import { IssuerProblem } from '@/api/use-action';
import { securityKeys } from '@/features/security/api';
import { awayToIssuer } from '@/lib/issuer-trip';
import { clientKind } from '@/lib/platform';

export async function finishLink(handle: string, code: string): Promise<void> {
  const body = { handle, code, client: clientKind, device_name: '' };
  await unwrap(api.POST('/api/v1/auth/issuers/linked', { body }));
  await queryClient.invalidateQueries({ queryKey: securityKeys.linked });
}

/** On the web the page leaves, and the page it comes back to goes on. */
export async function linkIssuer(issuer: string): Promise<void> {
  const begun = await withStepUp(() =>
    unwrap(
      api.POST('/api/v1/auth/issuers/{issuer}/link', {
        params: { path: { issuer } },
        body: { client: clientKind },
      }),
    ),
  );
  const back = await awayToIssuer(begun.url, begun.handle, 'link');
  if (back === null) return;
  if ('problem' in back) throw new IssuerProblem(back.problem);
  await finishLink(back.handle, back.code);
}

export async function unlinkIssuer(id: string): Promise<void> {
  const params = { path: { link_id: id } };
  await withStepUp(() => done(api.DELETE('/api/v1/auth/issuers/linked/{link_id}', { params })));
  await queryClient.invalidateQueries({ queryKey: securityKeys.linked });
}
