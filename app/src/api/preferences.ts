/**
 * Preferences of the account. A change shows at once; without a network it waits on the device and
 * is sent once, when there is a session again.
 */
import { api, unwrap } from '@/api/client';
import { asFailure } from '@/api/failure';
import { acceptUser, sessionStore } from '@/api/session-store';
import type { Preferences, User } from '@/api/types';
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

/** One after the other, whatever became of the one before. */
class Turns {
  private last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.last.then(work);
    this.last = mine.catch(() => undefined);
    return mine;
  }
}

const storing = new Turns();
// An answer tells what was chosen when it was asked: two at once, and the older could come last.
const sending = new Turns();

function keep(userId: string, change: Partial<Preferences>): Promise<void> {
  return storing.take(async () => {
    const kept = await loadJson(WAITING_KEY);
    const earlier = isWaiting(kept) && kept.userId === userId ? kept.change : {};
    await saveJson(WAITING_KEY, { userId, change: { ...earlier, ...change } });
  });
}

/** Let go of what was settled; return what was chosen since, which still waits. */
function letGo(userId: string, settled: Partial<Preferences>): Promise<Partial<Preferences>> {
  return storing.take(async () => {
    const kept = await loadJson(WAITING_KEY);
    if (!isWaiting(kept) || kept.userId !== userId) return {};
    const left = Object.entries(kept.change).filter(
      ([name, value]) => settled[name as keyof Preferences] !== value,
    );
    if (left.length === 0) await removeKey(WAITING_KEY);
    else await saveJson(WAITING_KEY, { userId, change: Object.fromEntries(left) });
    return Object.fromEntries(left);
  });
}

function signedIn(userId: string): User | null {
  const session = sessionStore.get();
  return session.phase === 'signed-in' && session.user.id === userId ? session.user : null;
}

async function send(userId: string): Promise<void> {
  const user = signedIn(userId);
  if (user === null) return;
  const { preferences } = user;
  const told = await unwrap(api.PATCH('/api/v1/users/me', { body: { preferences } }));
  const since = await letGo(userId, preferences);
  if (signedIn(userId) === null) return;
  await acceptUser({ ...told, preferences: { ...told.preferences, ...since } });
}

async function takeBack(before: User, change: Partial<Preferences>): Promise<void> {
  await letGo(before.id, change);
  const user = signedIn(before.id);
  if (user === null) return;
  const names = Object.keys(change) as (keyof Preferences)[];
  const old = Object.fromEntries(names.map((name) => [name, before.preferences[name]]));
  await acceptUser({ ...user, preferences: { ...user.preferences, ...old } });
}

/** Show the change, keep it, send it. A refusal that will not pass brings the old state back. */
export async function changePreferences(change: Partial<Preferences>): Promise<void> {
  const session = sessionStore.get();
  if (session.phase !== 'signed-in') return;
  const before = session.user;
  const preferences = { ...before.preferences, ...change };
  await Promise.all([acceptUser({ ...before, preferences }), keep(before.id, change)]);
  try {
    await sending.take(() => send(before.id));
  } catch (error) {
    if (asFailure(error).temporary) return;
    await takeBack(before, change);
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
