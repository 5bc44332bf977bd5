/** Whether this device can make and use passkeys; false until it is known. */
import { useEffect, useState } from 'react';

import { passkeysOffered } from '@/lib/passkey';

export function usePasskeysOffered(): boolean {
  const [offered, setOffered] = useState(false);
  useEffect(() => {
    let gone = false;
    passkeysOffered().then(
      (answer) => {
        if (!gone) setOffered(answer);
      },
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, []);
  return offered;
}
