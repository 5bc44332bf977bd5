// The lock closes at the start and after a while away, and only where its owner wants it.
import { AWAY_MS_MAX, cameBack, loadLock, lockStore, unlock, wantLock } from '@/api/lock-store';

const mockKept = { on: false };
jest.mock('@/lib/secure', () => ({
  lockSetting: {
    load: async () => mockKept.on,
    save: async (on: boolean) => {
      mockKept.on = on;
    },
  },
}));

test('unwanted, it never locks', async () => {
  await loadLock();
  cameBack(AWAY_MS_MAX * 10);
  expect(lockStore.get()).toEqual({ wanted: false, locked: false });
});

test('wanted, it locks at the next start and after a while away', async () => {
  await wantLock(true);
  expect(lockStore.get().locked).toBe(false);
  await loadLock();
  expect(lockStore.get().locked).toBe(true);
  unlock();
  cameBack(AWAY_MS_MAX);
  expect(lockStore.get().locked).toBe(false);
  cameBack(AWAY_MS_MAX + 1);
  expect(lockStore.get().locked).toBe(true);
});
