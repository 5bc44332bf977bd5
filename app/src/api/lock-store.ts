/**
 * The lock of the app on a phone: where its owner wants it, the app asks for face, finger or the
 * device's code before it opens, and again after a while in the background. It guards the screen of
 * an unlocked phone in somebody else's hand; the session itself is the server's matter.
 */
import { ExternalStore } from '@/lib/external-store';
import { lockSetting } from '@/lib/secure';

export interface Lock {
  /** Undefined until the setting was read. */
  wanted: boolean | undefined;
  locked: boolean;
}

/** Back within this long, nobody is asked again. */
export const AWAY_MS_MAX = 60_000;

export const lockStore = new ExternalStore<Lock>({ wanted: undefined, locked: false });

export async function loadLock(): Promise<void> {
  const wanted = await lockSetting.load().catch(() => false);
  lockStore.set({ wanted, locked: wanted });
}

export async function wantLock(wanted: boolean): Promise<void> {
  await lockSetting.save(wanted);
  lockStore.set({ wanted, locked: false });
}

export function unlock(): void {
  lockStore.set({ ...lockStore.get(), locked: false });
}

/** The app came back after `awayMs` in the background. */
export function cameBack(awayMs: number): void {
  const lock = lockStore.get();
  if (lock.wanted === true && awayMs > AWAY_MS_MAX) lockStore.set({ ...lock, locked: true });
}
