/**
 * Out to an issuer's page and back, on the web. The handle stays in this tab, so that a code
 * somebody else began with is of no use here.
 */
import { takeFragment } from '@/lib/fragment';
import type { IssuerPurpose, IssuerReturn } from '@/lib/issuer-trip';

const HANDLE_KEY = 'optix.issuer.handle';
const PURPOSE_KEY = 'optix.issuer.purpose';

/** Leaves the page; what follows runs when it comes back. */
export async function awayToIssuer(
  url: string,
  handle: string,
  purpose: IssuerPurpose,
): Promise<IssuerReturn | null> {
  window.sessionStorage.setItem(HANDLE_KEY, handle);
  window.sessionStorage.setItem(PURPOSE_KEY, purpose);
  window.location.assign(url);
  return null;
}

function taken(key: string): string | null {
  const value = window.sessionStorage.getItem(key);
  window.sessionStorage.removeItem(key);
  return value;
}

/** What came back with the page; each part is taken once. */
export async function backFromIssuer(): Promise<IssuerReturn> {
  const problem = await takeFragment('error');
  const code = await takeFragment('code');
  const handle = taken(HANDLE_KEY);
  const purpose = taken(PURPOSE_KEY) === 'link' ? 'link' : 'sign-in';
  if (problem !== null) return { problem };
  if (code === null || handle === null) return { problem: 'missing' };
  return { purpose, handle, code };
}
