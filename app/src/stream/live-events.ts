/**
 * The events of the signed-in user, followed over restarts: the device keeps which one it had last.
 *
 * Sole writer of that place is this file. It belongs to one user and goes when they sign out: on
 * signing in again only what is new from then on is news.
 */
import { loadJson, removeKey, saveJson } from '@/lib/storage';
import { connection } from '@/stream/live';
import { isCount, isRecord } from '@/stream/protocol';
import { EventBus, EventSubscription, type EventPlace } from '@/stream/user-events';

const KEY = 'optix.events';
/** The channels that the server has so far. */
const CHANNELS = ['account', 'sync'] as const;

export type EventChannel = (typeof CHANNELS)[number];

export const userEvents = new EventBus<EventChannel>();

function placeOf(kept: unknown, userId: string): EventPlace | null {
  if (!isRecord(kept) || kept.userId !== userId) return null;
  const { epoch, offset } = kept;
  return typeof epoch === 'string' && isCount(offset) ? { epoch, offset } : null;
}

/** Follow the events of this user until called back. */
export function followEvents(userId: string): () => void {
  let left = false;
  let leave: () => void = () => undefined;
  void loadJson(KEY).then((kept) => {
    if (left) return;
    leave = connection.follow(
      new EventSubscription(CHANNELS, placeOf(kept, userId), {
        event: userEvents.event,
        reset: userEvents.reset,
        moved: (place) => void saveJson(KEY, { userId, ...place }),
      }),
    );
  });
  return () => {
    left = true;
    leave();
  };
}

export async function forgetEvents(): Promise<void> {
  await removeKey(KEY);
}
