// One connection: its health in words, and what can be done with it.
import { fireEvent, screen, waitFor } from '@testing-library/react-native';

import { queryClient } from '@/api/query-client';
import { ConnectionScreen } from '@/features/brokerage/connection-screen';
import { LogScreen } from '@/features/brokerage/log-screen';
import { connection } from '@/features/brokerage/test-brokerage';
import { begin, Refused, serve, show, type Asked } from '@/api/test-screens';
import { t } from '@/i18n/t';
import { saveFile } from '@/lib/save-file';

jest.mock('@/lib/save-file', () => ({ saveFile: jest.fn(() => Promise.resolve(true)) }));

const go = { onBack: jest.fn(), onLog: jest.fn(), onGone: jest.fn() };
const press = (id: string) => fireEvent.press(screen.getByTestId(id));
const done = (asked: Asked[], end: string) => asked.filter(({ path }) => path.endsWith(end));

async function open(
  values: Parameters<typeof connection>[0] = {},
  more: Record<string, unknown> = {},
) {
  const asked = serve(({ path }) => {
    const end = Object.keys(more).find((each) => path.endsWith(each));
    return end === undefined ? { connections: [connection(values)] } : more[end];
  });
  show(<ConnectionScreen id="c1" {...go} />);
  await screen.findByTestId('connection-health');
  return asked;
}

beforeEach(begin);
afterEach(() => jest.clearAllMocks());
afterAll(() => queryClient.clear());

test('a connection that fails says since when, why, and what happens next', async () => {
  await open({
    state: 'failing',
    failing_since: '2026-11-19T15:30:00Z',
    problem: {
      code: 'broker_unavailable',
      detail: 'Schwab did not answer.',
      next_step: 'OPTIX tries again by itself.',
    },
  });
  expect(screen.getByText('Schwab did not answer.')).toBeTruthy();
  expect(screen.getByText(/OPTIX tries again by itself\..*stays visible/)).toBeTruthy();
  expect(screen.getByText(t('connection.since'))).toBeTruthy();
  expect(screen.queryByTestId('reconnect')).toBeNull();
});

test('a sync is asked for; too many are told in the words of the server', async () => {
  const busy = new Refused(429, 'broker_rate_limited', 'Schwab asks to slow down.');
  const asked = await open({}, { '/sync': busy });
  press('sync-now');
  expect(await screen.findByText('Schwab asks to slow down.')).toBeTruthy();
  expect(done(asked, '/sync')[0]).toMatchObject({
    options: { params: { path: { connection_id: 'c1' } } },
  });
});

test('an ended sign-in offers the way back, and no sync that would fail', async () => {
  await open({ state: 'sign_in_needed' });
  expect(screen.getByTestId('reconnect')).toBeTruthy();
  expect(screen.queryByTestId('sync-now')).toBeNull();
});

test('disconnecting keeps the history unless its owner says otherwise', async () => {
  const asked = await open({}, { '/disconnect': null });
  press('disconnect');
  press('disconnect-now');
  await waitFor(() => expect(go.onGone).toHaveBeenCalled());
  expect(done(asked, '/disconnect')[0]).toMatchObject({
    method: 'DELETE',
    options: { params: { path: { connection_id: 'c1' }, query: { history: 'keep' } } },
  });
});

test('deleting the history is confirmed first', async () => {
  const asked = await open({}, { '/disconnect': null });
  press('disconnect');
  press('choice-delete');
  press('disconnect-now');
  expect(done(asked, '/disconnect')).toHaveLength(0);
  press('disconnect-sure');
  press('disconnect-now');
  await waitFor(() => expect(go.onGone).toHaveBeenCalled());
  expect(done(asked, '/disconnect')[0]?.options.params?.query).toEqual({ history: 'delete' });
});

test('a name of one’s own is saved without the blanks around it', async () => {
  const asked = await open(
    {},
    { '/connections/{connection_id}': connection({ label: 'Long-term' }) },
  );
  press('rename');
  fireEvent.changeText(screen.getByTestId('connection-name'), ' Long-term ');
  press('save-name');
  await waitFor(() => expect(screen.queryByTestId('connection-name')).toBeNull());
  expect(done(asked, '/connections/{connection_id}')[0]).toMatchObject({
    method: 'PATCH',
    options: { body: { label: 'Long-term' } },
  });
});

test('what was disconnected can only be read', async () => {
  await open({ state: 'disconnected' });
  expect(screen.getByText(t('brokerage.kept'))).toBeTruthy();
  for (const id of ['sync-now', 'reconnect', 'rename', 'disconnect']) {
    expect(screen.queryByTestId(id)).toBeNull();
  }
  press('open-log');
  expect(go.onLog).toHaveBeenCalled();
});

test('a connection that is gone says so, with a way on', async () => {
  serve(() => ({ connections: [] }));
  show(<ConnectionScreen id="c1" {...go} />);
  fireEvent.press(await screen.findByText(t('connected.back')));
  expect(go.onGone).toHaveBeenCalled();
});

test('no accounts yet, and no accounts at all, are not the same', async () => {
  await open({ accounts: [], last_sync_at: null });
  expect(screen.getByText(t('connection.accounts.none'))).toBeTruthy();
});

const exchange = (at: string, values = {}) => ({
  at,
  method: 'GET',
  path: '/v1/accounts/…/positions',
  status: 200,
  milliseconds: 1_200,
  note: '',
  ...values,
});

test('the log is read page by page and handed over as the server wrote it', async () => {
  const first = [exchange('2026-11-19T15:42:07Z', { status: null, note: 'No answer in 10 s.' })];
  const older = [exchange('2026-11-19T15:41:07Z')];
  serve(({ path, options }) =>
    path.endsWith('/export')
      ? 'the log\n'
      : options.params?.query?.cursor === 'p2'
        ? { exchanges: older, next: null }
        : { exchanges: first, next: 'p2' },
  );
  show(<LogScreen id="c1" onBack={go.onBack} />);
  expect(await screen.findByText(t('log.failed'))).toBeTruthy();
  press('more');
  expect(await screen.findByText('Nov 19 10:41:07')).toBeTruthy();
  expect(screen.getAllByText('1,200 ms')).toHaveLength(2);
  expect(screen.queryByTestId('more')).toBeNull();
  press('export-log');
  expect(await screen.findByTestId('log-saved')).toBeTruthy();
  expect(saveFile).toHaveBeenCalledWith('optix-connection-c1.txt', 'the log\n', 'text/plain');
});

test('an empty log says what will fill it', async () => {
  serve(() => ({ exchanges: [], next: null }));
  show(<LogScreen id="c1" onBack={go.onBack} />);
  expect(await screen.findByText(t('log.none.text'))).toBeTruthy();
});
