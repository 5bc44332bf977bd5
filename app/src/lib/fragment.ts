/** A secret of a link that opened the app. Phones read it from the link's fragment. */
import * as Linking from 'expo-linking';

import { linkValue } from '@/lib/link-value';

/** Take `#name=value` of the address that opened the app. Each is given out once. */
const given = new Set<string>();

export async function takeFragment(name: string): Promise<string | null> {
  const address = await Linking.getInitialURL();
  if (address === null || given.has(address)) return null;
  given.add(address);
  return linkValue(address, name);
}
