/** Out to an issuer's page and back, on a phone: in the system's own sign-in window. */
import * as WebBrowser from 'expo-web-browser';

import { linkValue } from '@/lib/link-value';

const RETURN_URL = 'optix://sign-in/issuer';

export type IssuerPurpose = 'sign-in' | 'link';

/** What came back: a code that the handle completes, or why there is none. */
export type IssuerReturn =
  { purpose: IssuerPurpose; handle: string; code: string } | { problem: string };

/** Null when there is nothing to go on with: the window was closed, or the page itself has left. */
export async function awayToIssuer(
  url: string,
  handle: string,
  purpose: IssuerPurpose,
): Promise<IssuerReturn | null> {
  const result = await WebBrowser.openAuthSessionAsync(url, RETURN_URL);
  if (result.type !== 'success') return null;
  const code = linkValue(result.url, 'code');
  if (code !== null) return { purpose, handle, code };
  return { problem: linkValue(result.url, 'error') ?? 'missing' };
}

/** Phones come back inside `awayToIssuer`; a link that opens the app here brings nothing. */
export async function backFromIssuer(): Promise<IssuerReturn> {
  return { problem: 'missing' };
}
