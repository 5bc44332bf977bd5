/** Out to an issuer's page and back: to sign in, or to link its account to one's own. */
import { awayTo, backFrom, type Returned } from '@/lib/trip';

const PATH = 'sign-in/issuer';

export type IssuerPurpose = 'sign-in' | 'link';

/** What came back: a code that the handle completes, or why there is none. */
export type IssuerReturn =
  { purpose: IssuerPurpose; handle: string; code: string } | { problem: string };

function arrived(back: Returned<Record<string, string>>): IssuerReturn {
  if ('problem' in back) return back;
  const { handle = '', purpose } = back.kept;
  return { purpose: purpose === 'link' ? 'link' : 'sign-in', handle, code: back.code };
}

/** Null when there is nothing to go on with: the window was closed, or the page itself has left. */
export async function awayToIssuer(
  url: string,
  handle: string,
  purpose: IssuerPurpose,
): Promise<IssuerReturn | null> {
  const back = await awayTo(url, PATH, { handle, purpose });
  return back === null ? null : arrived(back);
}

export async function backFromIssuer(): Promise<IssuerReturn> {
  return arrived(await backFrom(PATH));
}
