/** The look a person chose follows the account: what the server says is what this device shows. */
import { useEffect } from 'react';

import { sendWaitingPreferences } from '@/api/preferences';
import { sessionStore } from '@/api/session-store';
import { useLook } from '@/design/theme';
import { useStore } from '@/lib/external-store';

export function useSyncedPreferences(): void {
  const session = useStore(sessionStore);
  const { choose } = useLook();
  const preferences = session.phase === 'signed-in' ? session.user.preferences : null;
  const online = session.phase === 'signed-in' && session.access !== null;
  const theme = preferences?.theme;
  const pair = preferences?.direction_colours;
  useEffect(() => {
    if (theme !== undefined && pair !== undefined) choose({ theme, pair });
  }, [theme, pair, choose]);
  useEffect(() => {
    if (online) void sendWaitingPreferences();
  }, [online]);
}
