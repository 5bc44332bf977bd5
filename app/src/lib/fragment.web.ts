/**
 * A secret of a link that opened the app. It stands in the fragment, which no server and no log
 * sees, and leaves the address bar and the history as soon as it is read.
 */
import { linkValue } from '@/lib/link-value';

export async function takeFragment(name: string): Promise<string | null> {
  const value = linkValue(window.location.href, name);
  if (value !== null) {
    const { pathname, search } = window.location;
    window.history.replaceState(window.history.state, '', pathname + search);
  }
  return value;
}
