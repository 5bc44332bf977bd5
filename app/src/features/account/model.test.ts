import { testUser } from '@/api/test-user';
import { feedStateKey, initials, roleKey, streamKey } from '@/features/account/model';
import { t } from '@/i18n/t';

const user = (display_name: string, email: string) => ({ ...testUser, display_name, email });

test('initials come from the name, else from the address', () => {
  expect(initials(user('Ada Lovelace', 'a@b.io'))).toBe('AL');
  expect(initials(user('Ada', 'a@b.io'))).toBe('A');
  expect(initials(user('', 'test@optix.io'))).toBe('T');
  expect(initials(user('  ', '@@'))).toBe('?');
});

test('every state has words', () => {
  for (const state of ['connecting', 'live', 'stale', 'down', 'ended'] as const) {
    expect(t(feedStateKey(state))).not.toBe('');
  }
  for (const state of ['idle', 'connecting', 'open', 'waiting'] as const) {
    expect(t(streamKey(state))).not.toBe('');
  }
  expect(t(roleKey('admin'), { date: 'Nov 1' })).toBe('Administrator since Nov 1');
  expect(t(roleKey('user'), { date: 'Nov 1' })).toBe('Member since Nov 1');
});
