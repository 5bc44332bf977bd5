/** Readings under way, as they happen: screens follow without asking again and again. */
import { useEffect } from 'react';

import { connectionsChanged } from '@/features/brokerage/api';
import { isEnd, progressOf, type SyncProgress } from '@/features/brokerage/sync-model';
import { ExternalStore, useStore } from '@/lib/external-store';
import { userEvents } from '@/stream/live-events';

type ByConnection = Readonly<Record<string, SyncProgress>>;

/** Sole writer: `useSyncEvents`. */
export const syncProgress = new ExternalStore<ByConnection>({});

/** A list that cannot be loaded now is loaded when it is looked at next. */
function reload(): void {
  connectionsChanged().catch(() => undefined);
}

export function useSyncEvents(): void {
  useEffect(() => {
    const leave = userEvents.on('sync', (event) => {
      const progress = progressOf(event);
      if (progress === null) return reload();
      syncProgress.set({ ...syncProgress.get(), [progress.connection]: progress });
      if (isEnd(progress) || progress.step === 'accounts') reload();
    });
    const leaveReset = userEvents.onReset(() => {
      syncProgress.set({});
      reload();
    });
    return () => {
      leave();
      leaveReset();
      syncProgress.set({});
    };
  }, []);
}

export function useProgress(connectionId: string): SyncProgress | null {
  return useStore(syncProgress)[connectionId] ?? null;
}
