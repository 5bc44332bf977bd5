// Events as the socket gives them, answers as the API gives them: what is asked again and told.
import { renderHook, waitFor } from '@testing-library/react-native';

import { api } from '@/api/client';
import { queryClient } from '@/api/query-client';
import { newSignIn, useAccountEvents } from '@/features/security/account-events';
import { securityKeys } from '@/features/security/api';
import { userEvents } from '@/stream/live-events';

const asked: string[] = [];
const session = {
  id: 'there',
  current: false,
  client: 'web',
  device_name: 'Pixel 9',
  user_agent: null,
  address: null,
  methods: ['password'],
  created_at: '2026-11-19T15:42:07Z',
  last_seen_at: '2026-11-19T15:42:07Z',
};
let answers = true;

// Answers are not kept for a day here: their timers would outlive the test.
beforeAll(() => queryClient.setDefaultOptions({ queries: { gcTime: Infinity } }));
beforeEach(() => {
  asked.length = 0;
  answers = true;
  queryClient.clear();
  jest.spyOn(api, 'GET').mockImplementation(((path: string) => {
    asked.push(path);
    if (!answers) return Promise.reject(new TypeError('no network'));
    const data = path.endsWith('/sessions') ? { sessions: [session] } : {};
    return Promise.resolve({ data, response: new Response() });
  }) as never);
});
afterAll(() => queryClient.clear());

const began = { channel: 'account', kind: 'session_started', body: { session_id: 'there' }, at: 5 };

test('a sign-in elsewhere is told, and every list is old', async () => {
  queryClient.setQueryData(securityKeys.factors, {});
  const { unmount } = renderHook(() => useAccountEvents());
  userEvents.event(began);
  await waitFor(() => expect(newSignIn.get()).toEqual({ device: 'Pixel 9', at: 5 }));
  expect(queryClient.getQueryState(securityKeys.factors)?.isInvalidated).toBe(true);
  expect(asked).toContain('/api/v1/users/me');
  unmount();
  expect(newSignIn.get()).toBeNull();
});

test('without the list of sessions nobody is alarmed, and after a loss all is asked again', async () => {
  answers = false;
  queryClient.setQueryData(securityKeys.factors, {});
  const { unmount } = renderHook(() => useAccountEvents());
  userEvents.reset();
  await waitFor(() =>
    expect(queryClient.getQueryState(securityKeys.factors)?.isInvalidated).toBe(true),
  );
  userEvents.event(began);
  await waitFor(() => expect(asked).toContain('/api/v1/auth/sessions'));
  expect(newSignIn.get()).toBeNull();
  unmount();
});
