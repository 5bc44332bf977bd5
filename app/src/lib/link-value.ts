/**
 * The value of `name` in an address that opened the app. A secret of a web link stands in the
 * fragment (`#token=…`), which no server sees; a phone's own scheme carries it as a query. Pure.
 */
export function linkValue(address: string, name: string): string | null {
  const [head = '', fragment = ''] = address.split(/#(.*)/s);
  const query = /^https?:/.test(head) ? '' : (head.split(/\?(.*)/s)[1] ?? '');
  const found = new URLSearchParams(fragment).get(name) ?? new URLSearchParams(query).get(name);
  return found || null;
}
