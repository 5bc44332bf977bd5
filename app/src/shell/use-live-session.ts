/** Ties the session to the socket: it runs while somebody is signed in, always with a live token. */
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';

import { statusQuery } from '@/api/market-queries';
import { queryClient } from '@/api/query-client';
import { renew, renewInMs, sessionStore } from '@/api/session-store';
import { useStore } from '@/lib/external-store';
import { clearLive, connection, seedStatus } from '@/stream/live';
import { followEvents, forgetEvents } from '@/stream/live-events';

export function useLiveSession(): void {
  const session = useStore(sessionStore);
  const userId = session.phase === 'signed-in' ? session.user.id : null;
  const signedIn = userId !== null;
  useEffect(() => {
    if (userId === null) return;
    const unfollow = followEvents(userId);
    connection.start();
    return () => {
      unfollow();
      connection.stop();
      clearLive();
      queryClient.clear();
      void forgetEvents();
    };
  }, [userId]);
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
