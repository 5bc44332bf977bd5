/** Ties the session to the socket: it runs while somebody is signed in, always with a live token. */
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';

import { statusQuery } from '@/api/market-queries';
import { queryClient } from '@/api/query-client';
import { renew, renewInMs, sessionStore } from '@/api/session-store';
import { useStore } from '@/lib/external-store';
import { clearLive, connection, seedStatus } from '@/stream/live';

export function useLiveSession(): void {
  const session = useStore(sessionStore);
  const signedIn = session.phase === 'signed-in';
  useEffect(() => {
    if (!signedIn) return;
    connection.start();
    return () => {
      connection.stop();
      clearLive();
      queryClient.clear();
    };
  }, [signedIn]);
  useEffect(() => {
    const wait = renewInMs(session, Date.now());
    if (wait === null) return;
    const timer = setTimeout(() => {
      // A renewal that fails is tried again by the next request or by the socket's own reconnect.
      renew()
        .then(() => connection.reauthenticate())
        .catch(() => undefined);
    }, wait);
    return () => clearTimeout(timer);
  }, [session]);
  const status = useQuery({ ...statusQuery, enabled: signedIn });
  const feed = status.data?.feed;
  useEffect(() => {
    if (feed !== undefined) seedStatus(feed);
  }, [feed]);
}
