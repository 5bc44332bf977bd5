import { detailWords, eventTime, userState } from '@/features/admin/model';
import type { AdminUser } from '@/api/types';

const user = (change: Partial<AdminUser>) =>
  ({ role: 'user', disabled_at: null, ...change }) as AdminUser;

test('a disabled account says that before anything else', () => {
  expect(userState(user({ disabled_at: '2026-11-01T00:00:00Z', role: 'admin' })).key).toBe(
    'admin.user.disabled',
  );
  expect(userState(user({ role: 'admin' })).key).toBe('admin.user.role.admin');
  expect(userState(user({})).key).toBeNull();
});

test('events are timed in UTC to the second', () => {
  expect(eventTime('2026-11-22T09:03:09.512+01:00')).toBe('2026-11-22 08:03:09 UTC');
});

test('details without a value are left out', () => {
  expect(detailWords({ method: 'totp', left: 0, note: '', who: null })).toBe(
    'method totp · left 0',
  );
});
