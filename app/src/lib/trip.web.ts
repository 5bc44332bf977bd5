/**
 * Out to somebody else's page and back, on the web. What is kept (the handle) stays in this tab, so
 * that a code somebody else began with is of no use here.
 */
import { takeFragment } from '@/lib/fragment';
import type { Returned } from '@/lib/trip';

const keyOf = (path: string) => `optix.trip.${path}`;

/** Leaves the page; what follows runs when it comes back to `path`. */
export async function awayTo<Kept extends Record<string, string>>(
  url: string,
  path: string,
  kept: Kept,
): Promise<Returned<Kept> | null> {
  window.sessionStorage.setItem(keyOf(path), JSON.stringify(kept));
  window.location.assign(url);
  return null;
}

function taken(path: string): Record<string, string> | null {
  const text = window.sessionStorage.getItem(keyOf(path));
  window.sessionStorage.removeItem(keyOf(path));
  return text === null ? null : (JSON.parse(text) as Record<string, string>);
}

/** What came back with the page; each part is taken once. */
export async function backFrom(path: string): Promise<Returned<Record<string, string>>> {
  const problem = await takeFragment('error');
  const code = await takeFragment('code');
  const kept = taken(path);
  if (problem !== null) return { problem };
  if (code === null || kept === null) return { problem: 'missing' };
  return { kept, code };
}
