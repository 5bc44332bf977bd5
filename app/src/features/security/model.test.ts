// The pages say how things stand in the worst true words, and never guess a device.
import type { DeviceSession, Factors } from '@/api/types';
import {
  deviceTitle,
  grouped,
  guardOf,
  methodKeys,
  recoveryFile,
  sameAddress,
  sortedSessions,
  strangerOf,
} from '@/features/security/model';
import { t } from '@/i18n/t';

const factors = (change: Partial<Factors>): Factors => ({
  totp: true,
  totp_since: null,
  passkeys: 0,
  recovery_codes_left: 10,
  step_up_methods: ['totp'],
  ...change,
});

test.each([
  [{ totp: false }, 'password-only'],
  [{ totp: false, passkeys: 1 }, 'good'],
  [{ recovery_codes_left: 0 }, 'no-way-back'],
  [{ recovery_codes_left: 3 }, 'few-codes'],
  [{ recovery_codes_left: 4 }, 'good'],
] as const)('%o is %s', (change, guard) => {
  expect(guardOf(factors(change))).toBe(guard);
  expect(t(`security.guard.${guard}.title`)).not.toBe('');
});

const session = (change: Partial<DeviceSession>): DeviceSession => ({
  id: 's',
  current: false,
  client: 'web',
  device_name: '',
  user_agent: null,
  address: null,
  methods: ['password', 'totp'],
  created_at: '2026-11-01T00:00:00Z',
  last_seen_at: '2026-11-01T00:00:00Z',
  expires_at: '2026-12-01T00:00:00Z',
  ...change,
});

test('a device is called by its name, else by its browser, else not at all', () => {
  const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
  expect(deviceTitle(session({ device_name: 'My phone', user_agent: agent }))).toBe('My phone');
  expect(deviceTitle(session({ user_agent: agent }))).toBe('Firefox, Linux');
  expect(deviceTitle(session({ user_agent: 'curl/8' }))).toBeNull();
  expect(deviceTitle(session({}))).toBeNull();
});

test('this device comes first, then the one used last', () => {
  const old = session({ id: 'old' });
  const recent = session({ id: 'recent', last_seen_at: '2026-11-20T00:00:00Z' });
  const here = session({ id: 'here', current: true });
  const order = [old, recent, here];
  expect(sortedSessions(order).map((each) => each.id)).toEqual(['here', 'recent', 'old']);
  expect(sortedSessions([here, old]).map((each) => each.id)).toEqual(['here', 'old']);
  expect(order[0]).toBe(old);
});

test('every way of signing in has words', () => {
  const methods = ['password', 'totp', 'recovery_code', 'passkey', 'oidc', 'development'] as const;
  for (const key of methodKeys(session({ methods: [...methods] }))) expect(t(key)).not.toBe('');
});

test('keys are printed in groups of four', () => {
  expect(grouped('JBSWY3DPEHPK3PXP')).toBe('JBSW Y3DP EHPK 3PXP');
  expect(grouped('JBSW Y3D')).toBe('JBSW Y3D');
  expect(grouped('')).toBe('');
});

test('the saved file says what it is, whose, and every code', () => {
  expect(recoveryFile(['A-B', 'C-D'], 'ada@example.com', 'Codes.')).toBe(
    'Codes.\nada@example.com\n\nA-B\nC-D\n',
  );
});

test('an address is confirmed without regard to case', () => {
  expect(sameAddress(' Ada@Example.com ', 'ada@example.com')).toBe(true);
  expect(sameAddress('ada@example.co', 'ada@example.com')).toBe(false);
  expect(sameAddress('', 'ada@example.com')).toBe(false);
});

test('a sign-in elsewhere is told by its device; one’s own, and other events, are not', () => {
  const began = (session_id: string, kind = 'session_started') => ({
    channel: 'account',
    kind,
    body: { session_id, client: 'web' },
    at: 5,
  });
  const sessions = [
    session({ id: 'here', current: true }),
    session({ id: 'there', device_name: 'Pixel 9' }),
    session({ id: 'nameless' }),
  ];
  expect(strangerOf(began('there'), sessions)).toEqual({ device: 'Pixel 9', at: 5 });
  expect(strangerOf(began('nameless'), sessions)).toEqual({ device: null, at: 5 });
  expect(strangerOf(began('gone already'), sessions)).toEqual({ device: null, at: 5 });
  expect(strangerOf(began('here'), sessions)).toBeNull();
  expect(strangerOf(began('there', 'session_ended'), sessions)).toBeNull();
});
