/**
 * A registration that waits for its code. It is kept on the device: reading the mail may end the
 * app on a phone. The id alone opens nothing.
 */
import { ExternalStore } from '@/lib/external-store';
import { loadJson, removeKey, saveJson } from '@/lib/storage';

const KEY = 'optix.registration';

export interface PendingRegistration {
  id: string;
  email: string;
  endsAt: number;
}

export const pendingRegistration = new ExternalStore<PendingRegistration | null>(null);

function isPending(value: unknown): value is PendingRegistration {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value.id === 'string' &&
    'email' in value &&
    typeof value.email === 'string' &&
    'endsAt' in value &&
    typeof value.endsAt === 'number'
  );
}

export async function keepRegistration(pending: PendingRegistration): Promise<void> {
  pendingRegistration.set(pending);
  await saveJson(KEY, pending);
}

export async function dropRegistration(): Promise<void> {
  pendingRegistration.set(null);
  await removeKey(KEY);
}

/** Take up what this device kept; what has ended is forgotten. */
export async function loadRegistration(now: number): Promise<void> {
  const kept = await loadJson(KEY);
  if (!isPending(kept)) return;
  if (kept.endsAt > now) pendingRegistration.set(kept);
  else await removeKey(KEY);
}
