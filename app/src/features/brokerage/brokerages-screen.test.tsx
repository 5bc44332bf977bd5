// The list: empty, failing, offline with what was known, and the way back in with two taps.
import { act, fireEvent, screen, waitFor } from '@testing-library/react-native';

import { queryClient } from '@/api/query-client';
import { brokerageKeys } from '@/features/brokerage/api';
import { BrokeragesScreen } from '@/features/brokerage/brokerages-screen';
import { syncProgress, useSyncEvents } from '@/features/brokerage/sync-events';
import { account, connection } from '@/features/brokerage/test-brokerage';
import { begin, Refused, serve, show } from '@/api/test-screens';
import { t } from '@/i18n/t';
import { awayTo } from '@/lib/trip';
import { userEvents } from '@/stream/live-events';

jest.mock('@/lib/trip', () => ({ awayTo: jest.fn(), backFrom: jest.fn() }));

const go = { onBack: jest.fn(), onAdd: jest.fn(), onImport: jest.fn(), onOpen: jest.fn() };
const ended = connection({
  id: 'c2',
  provider: 'etrade',
  provider_label: 'E*TRADE',
  label: 'E*TRADE',
  state: 'sign_in_needed',
  problem: { code: 'x', detail: 'E*TRADE needs a new sign-in every day.', next_step: '' },
  accounts: [account({ id: 'a2', stale: true, net_liquidation: '9412.00' })],
});

beforeEach(begin);
afterEach(() => jest.clearAllMocks());
afterAll(() => queryClient.clear());

test('without a connection the way to the first one is shown', async () => {
  serve(() => ({ connections: [] }));
  show(<BrokeragesScreen {...go} />);
  fireEvent.press(await screen.findByText(t('brokerage.add')));
  fireEvent.press(screen.getByText(t('brokerage.import')));
  expect(go.onAdd).toHaveBeenCalledTimes(1);
  expect(go.onImport).toHaveBeenCalledTimes(1);
});

test('a server that fails is an error with a way on, never an empty list', async () => {
  let broken = true;
  serve(() =>
    broken
      ? new Refused(503, 'database_unavailable', 'The database does not answer.')
      : { connections: [connection()] },
  );
  show(<BrokeragesScreen {...go} />);
  expect(await screen.findByText('The database does not answer.')).toBeTruthy();
  expect(screen.queryByText(t('brokerage.none'))).toBeNull();
  broken = false;
  fireEvent.press(screen.getByText(t('action.retry')));
  expect(await screen.findByTestId('connection-c1')).toBeTruthy();
});

test('what was known stays on the screen when the network is gone, and it is said', async () => {
  queryClient.setQueryData(brokerageKeys.own('u1'), { connections: [connection()] });
  await queryClient.invalidateQueries({ queryKey: brokerageKeys.connections });
  serve(() => Promise.reject(new TypeError('no network')));
  show(<BrokeragesScreen {...go} />);
  expect(await screen.findByTestId('brokerages-offline')).toBeTruthy();
  expect(screen.getAllByText('$71,904.18').length).toBeGreaterThan(0);
});

test('an ended sign-in comes first, says why, and two taps lead back to its broker', async () => {
  const asked = serve(({ path }) =>
    path.endsWith('/connect')
      ? {
          url: 'https://broker.example/in',
          fields: [],
          copies_code: false,
          handle: 'h',
          code: null,
          expires_in_seconds: 600,
        }
      : path.endsWith('/finish')
        ? connection({ id: 'c2' })
        : { connections: [connection(), ended] },
  );
  jest.mocked(awayTo).mockResolvedValue({ kept: {}, code: 'once' });
  show(<BrokeragesScreen {...go} />);
  await screen.findByTestId('connection-c2');
  const order = screen.getAllByTestId(/^connection-c/).map((each) => each.props.testID);
  expect(order).toEqual(['connection-c2', 'connection-c1']);
  expect(screen.getByText(/E\*TRADE needs a new sign-in every day/)).toBeTruthy();
  fireEvent.press(screen.getByTestId('reconnect'));
  fireEvent.press(screen.getByTestId('connect-go'));
  await waitFor(() => expect(screen.queryByTestId('connect-ready')).toBeNull());
  const [begun, finished] = asked.filter(({ method }) => method === 'POST');
  expect(begun).toMatchObject({
    path: 'brokerages/{provider}/connect',
    options: {
      params: { path: { provider: 'etrade' } },
      body: { connection_id: 'c2', kind: 'oauth2' },
    },
  });
  expect(finished).toMatchObject({ options: { body: { handle: 'h', code: 'once', values: {} } } });
});

test('old and incomplete accounts say so, in words', async () => {
  const half = account({ id: 'a3', complete: false });
  const broken = account({
    id: 'a4',
    problem: { code: 'x', detail: 'Positions could not be read.', next_step: '' },
  });
  serve(() => ({ connections: [ended, connection({ accounts: [half, broken] })] }));
  show(<BrokeragesScreen {...go} />);
  await screen.findByTestId('account-a2');
  expect(screen.getByTestId('account-a2').props['aria-label']).toMatch(/\$9,412\.00, .* old$/);
  expect(screen.getByText(t('brokerage.incomplete'))).toBeTruthy();
  expect(screen.getByText('Positions could not be read.')).toBeTruthy();
});

function Following() {
  useSyncEvents();
  return <BrokeragesScreen {...go} />;
}

test('a reading is followed as it happens, and its end brings the new numbers', async () => {
  let value = '1.00';
  const asked = serve(() => ({
    connections: [connection({ accounts: [account({ net_liquidation: value })] })],
  }));
  const { unmount } = show(<Following />);
  await screen.findByTestId('connection-c1');
  const tell = (body: Record<string, unknown>) =>
    act(() => userEvents.event({ channel: 'sync', kind: 'progress', body, at: 1 }));
  tell({ connection: 'c1', step: 'positions', done: 1, of: 3 });
  expect(screen.getByText('Reading positions, 1 of 3')).toBeTruthy();
  value = '2.00';
  tell({ connection: 'c1', step: 'done', done: 3, of: 3 });
  expect((await screen.findAllByText('$2.00')).length).toBeGreaterThan(0);
  expect(screen.queryByTestId('sync-progress')).toBeNull();
  tell({ connection: 'c1', step: 'failed', problem: 'Schwab did not answer.' });
  expect(screen.getByText('Schwab did not answer.')).toBeTruthy();
  const before = asked.length;
  act(() => userEvents.reset());
  await waitFor(() => expect(asked.length).toBeGreaterThan(before));
  expect(syncProgress.get()).toEqual({});
  tell({ nonsense: true });
  unmount();
});

test('a sync of everything is asked for with one press', async () => {
  const asked = serve(({ path }) =>
    path === 'portfolio/sync' ? { asked: 1 } : { connections: [connection()] },
  );
  show(<BrokeragesScreen {...go} />);
  fireEvent.press(await screen.findByTestId('sync-all'));
  await waitFor(() => expect(asked.some(({ path }) => path === 'portfolio/sync')).toBe(true));
});
