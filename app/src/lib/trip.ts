/** Out to somebody else's page and back, on a phone: in the system's own sign-in window. */
import * as WebBrowser from 'expo-web-browser';

import { linkValue } from '@/lib/link-value';

/** What came back: a code, with what was kept for it; or why there is none. */
export type Returned<Kept> = { kept: Kept; code: string } | { problem: string };

/** Null when there is nothing to go on with: the window was closed, or the page itself has left. */
export async function awayTo<Kept extends Record<string, string>>(
  url: string,
  path: string,
  kept: Kept,
): Promise<Returned<Kept> | null> {
  const result = await WebBrowser.openAuthSessionAsync(url, `optix://${path}`);
  if (result.type !== 'success') return null;
  const code = linkValue(result.url, 'code');
  if (code !== null) return { kept, code };
  return { problem: linkValue(result.url, 'error') ?? 'missing' };
}

/** Phones come back inside `awayTo`; a link that opens the app here brings nothing. */
export async function backFrom(_path: string): Promise<Returned<Record<string, string>>> {
  return { problem: 'missing' };
}
