// A registration survives a restart of the app until its code has ended.
import {
  dropRegistration,
  keepRegistration,
  loadRegistration,
  pendingRegistration,
} from '@/api/pending-registration';
import { loadJson, saveJson } from '@/lib/storage';

const pending = { id: 'r1', email: 'ada@example.com', endsAt: 1_000 };

async function restart(now: number) {
  pendingRegistration.set(null);
  await loadRegistration(now);
  return pendingRegistration.get();
}

test('it is taken up while its code is valid, and forgotten after', async () => {
  await keepRegistration(pending);
  expect(await restart(999)).toEqual(pending);
  expect(await restart(1_000)).toBeNull();
  expect(await loadJson('optix.registration')).toBeNull();
});

test('dropped is dropped', async () => {
  await keepRegistration(pending);
  await dropRegistration();
  expect(await restart(0)).toBeNull();
});

test('a damaged record is no registration', async () => {
  await saveJson('optix.registration', { id: 1 });
  expect(await restart(0)).toBeNull();
});
