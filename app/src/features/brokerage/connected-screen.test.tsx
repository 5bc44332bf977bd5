// Back from a broker's page, in a browser: the code is used once, and every other end is told.
import { fireEvent, screen, waitFor } from '@testing-library/react-native';

import { queryClient } from '@/api/query-client';
import { brokerageKeys } from '@/features/brokerage/api';
import { ConnectedScreen } from '@/features/brokerage/connected-screen';
import { connection } from '@/features/brokerage/test-brokerage';
import { begin, Refused, serve, show } from '@/api/test-screens';
import { t } from '@/i18n/t';
import { backFrom } from '@/lib/trip';

jest.mock('@/lib/trip', () => ({ awayTo: jest.fn(), backFrom: jest.fn() }));

const go = { onConnected: jest.fn(), onBack: jest.fn() };
const came = { kept: { provider: 'schwab', handle: 'h' }, code: 'once' };

beforeEach(begin);
afterEach(() => jest.clearAllMocks());
afterAll(() => queryClient.clear());

test('the code is exchanged once, and the connection is in the list at once', async () => {
  const asked = serve(({ method }) =>
    method === 'POST' ? connection({ id: 'new' }) : { connections: [] },
  );
  jest.mocked(backFrom).mockResolvedValue(came);
  show(<ConnectedScreen {...go} />);
  await waitFor(() => expect(go.onConnected).toHaveBeenCalledWith('new'));
  const posts = asked.filter(({ method }) => method === 'POST');
  expect(posts).toMatchObject([
    {
      options: {
        params: { path: { provider: 'schwab' } },
        body: { handle: 'h', code: 'once', values: {} },
      },
    },
  ]);
  expect(queryClient.getQueryData(brokerageKeys.own('u1'))).toMatchObject({
    connections: [{ id: 'new' }],
  });
});

test.each([
  ['cancelled', 'connect.cancelled'],
  ['missing', 'connect.foreign'],
] as const)('coming back with %s says so and leads on', async (problem, words) => {
  const asked = serve(() => ({ connections: [] }));
  jest.mocked(backFrom).mockResolvedValue({ problem });
  show(<ConnectedScreen {...go} />);
  expect(await screen.findByText(t(words))).toBeTruthy();
  expect(asked).toHaveLength(0);
  fireEvent.press(screen.getByTestId('connected-back'));
  expect(go.onBack).toHaveBeenCalled();
});

test('what the server refuses is said in its words', async () => {
  serve(() => new Refused(403, 'broker_flow_invalid', 'This connection was begun elsewhere.'));
  jest.mocked(backFrom).mockResolvedValue(came);
  show(<ConnectedScreen {...go} />);
  expect(await screen.findByText('This connection was begun elsewhere.')).toBeTruthy();
  expect(go.onConnected).not.toHaveBeenCalled();
});
