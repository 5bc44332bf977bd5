/** What happened to the account, wherever it was done: lists follow at once, a new sign-in is told. */
import { useEffect } from 'react';

import { queryClient } from '@/api/query-client';
import { refreshUser, securityKeys, sessionsQuery } from '@/features/security/api';
import { strangerOf, type SignIn } from '@/features/security/model';
import { ExternalStore } from '@/lib/external-store';
import { userEvents } from '@/stream/live-events';
import type { UserEvent } from '@/stream/protocol';

/** The newest sign-in elsewhere that nobody has looked at yet. */
export const newSignIn = new ExternalStore<SignIn | null>(null);

/** A list that cannot be loaded now is loaded when it is looked at next. */
async function follow(): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: securityKeys.all }).catch(() => undefined);
  await refreshUser().catch(() => undefined);
}

/** Whose sign-in it was is known by the list alone: without it nobody is alarmed. */
async function tell(event: UserEvent): Promise<void> {
  const answer = await queryClient.fetchQuery({ ...sessionsQuery, staleTime: 0 }).catch(() => null);
  const stranger = answer === null ? null : strangerOf(event, answer.sessions);
  if (stranger !== null) newSignIn.set(stranger);
}

export function useAccountEvents(): void {
  useEffect(() => {
    const leave = userEvents.on('account', (event) => {
      void follow().then(() => tell(event));
    });
    const leaveReset = userEvents.onReset(() => void follow());
    return () => {
      leave();
      leaveReset();
      newSignIn.set(null);
    };
  }, []);
}
