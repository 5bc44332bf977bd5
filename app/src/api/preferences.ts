/**
 * Preferences of the account. A change shows at once; without a network it waits on the device and
 * is sent once, when there is a session again.
 */
import { api, unwrap } from '@/api/client';
import { asFailure } from '@/api/failure';
import { acceptUser, sessionStore } from '@/api/session-store';
import type { Preferences } from '@/api/types';
import { loadJson, removeKey, saveJson } from '@/lib/storage';

const WAITING_KEY = 'optix.preferences';

interface Waiting {
  userId: string;
  change: Partial<Preferences>;
}

function isWaiting(value: unknown): value is Waiting {
  return (
    typeof value === 'object' &&
    value !== null &&
    'userId' in value &&
    'change' in value &&
    typeof value.change === 'object'
  );
}

async function send(preferences: Preferences): Promise<void> {
  await acceptUser(await unwrap(api.PATCH('/api/v1/users/me', { body: { preferences } })));
}

/** Show the change, keep it, send it. A refusal that will not pass brings the old state back. */
export async function changePreferences(change: Partial<Preferences>): Promise<void> {
  const session = sessionStore.get();
  if (session.phase !== 'signed-in') return;
  const before = session.user;
  const preferences = { ...before.preferences, ...change };
  await acceptUser({ ...before, preferences });
  const kept = await loadJson(WAITING_KEY);
  const earlier = isWaiting(kept) && kept.userId === before.id ? kept.change : {};
  await saveJson(WAITING_KEY, { userId: before.id, change: { ...earlier, ...change } });
  try {
    await send(preferences);
    await removeKey(WAITING_KEY);
  } catch (error) {
    if (asFailure(error).temporary) return;
    await removeKey(WAITING_KEY);
    await acceptUser(before);
    throw error;
  }
}

/** What waited for a network, once there is one. */
export async function sendWaitingPreferences(): Promise<void> {
  const waiting = await loadJson(WAITING_KEY);
  const session = sessionStore.get();
  if (!isWaiting(waiting) || session.phase !== 'signed-in') return;
  if (waiting.userId !== session.user.id) {
    await removeKey(WAITING_KEY);
    return;
  }
  await changePreferences(waiting.change).catch(() => undefined);
}

export async function renameUser(name: string): Promise<void> {
  const body = { display_name: name.trim() };
  await acceptUser(await unwrap(api.PATCH('/api/v1/users/me', { body })));
}
