// Connecting from the gallery: at the broker's page, with what is typed, with a copied code, or not.
import { act, fireEvent, screen, waitFor } from '@testing-library/react-native';

import { queryClient } from '@/api/query-client';
import { stepUpStore } from '@/api/step-up';
import { GalleryScreen } from '@/features/brokerage/gallery-screen';
import { brokerage, connection } from '@/features/brokerage/test-brokerage';
import { begin, Refused, serve, show, type Asked } from '@/api/test-screens';
import { t } from '@/i18n/t';
import { openPage } from '@/lib/open-page';
import { awayTo } from '@/lib/trip';

jest.mock('@/lib/trip', () => ({ awayTo: jest.fn(), backFrom: jest.fn() }));
jest.mock('@/lib/open-page', () => ({ openPage: jest.fn(() => Promise.resolve()) }));

const go = { onBack: jest.fn(), onImport: jest.fn(), onConnected: jest.fn() };
const page = {
  url: 'https://broker.example/in' as string | null,
  fields: [] as object[],
  copies_code: false,
  handle: 'h',
  code: null as string | null,
  expires_in_seconds: 600,
};
const offered = [
  brokerage({ name: 'sandbox', label: 'OPTIX Sandbox', simulated: true, login_seconds: null }),
  brokerage(),
];

function answer(begun: object, finish: () => unknown = () => connection(), all = offered) {
  return ({ path }: Asked) => {
    if (path.endsWith('/connect')) return begun;
    if (path.endsWith('/finish')) return finish();
    return { brokerages: all };
  };
}

async function choose(label = 'Charles Schwab') {
  show(<GalleryScreen {...go} />);
  fireEvent.press(await screen.findByText(label));
}

const press = (id: string) => fireEvent.press(screen.getByTestId(id));
const posted = (asked: Asked[], end: string) =>
  asked.filter(({ method, path }) => method === 'POST' && path.endsWith(end));

beforeEach(begin);
afterEach(() => jest.clearAllMocks());
afterAll(() => queryClient.clear());

test('each brokerage says what it reads, how far it is proven and that it is simulated', async () => {
  serve(answer(page));
  show(<GalleryScreen {...go} />);
  await screen.findByText('OPTIX Sandbox');
  expect(screen.getAllByText(t('fresh.simulated'))).toHaveLength(1);
  expect(screen.getAllByText('Silver quality')).toHaveLength(2);
  expect(screen.getAllByText('4 years of history')).toHaveLength(2);
  expect(screen.getByText('Stays signed in')).toBeTruthy();
});

test('the search finds by name, and names the way out where it finds nothing', async () => {
  serve(answer(page));
  show(<GalleryScreen {...go} />);
  await screen.findByText('OPTIX Sandbox');
  fireEvent.changeText(screen.getByTestId('gallery-search'), 'schw');
  expect(screen.queryByText('OPTIX Sandbox')).toBeNull();
  fireEvent.changeText(screen.getByTestId('gallery-search'), 'nobody');
  fireEvent.press(screen.getByText(t('brokerage.import')));
  expect(go.onImport).toHaveBeenCalled();
});

test('a server without brokerages says who can change that', async () => {
  serve(answer(page, undefined, []));
  show(<GalleryScreen {...go} />);
  expect(await screen.findByText(t('gallery.empty'))).toBeTruthy();
});

test('one login where only one is possible: no second one is offered', async () => {
  serve(answer(page, undefined, [brokerage({ several_logins: false, connections: 1 })]));
  await choose();
  expect(screen.getByText(t('connect.limit', { name: 'Charles Schwab' }))).toBeTruthy();
  expect(screen.queryByTestId('connect-ready')).toBeNull();
});

test('through the page of the broker and back', async () => {
  const asked = serve(answer(page));
  jest.mocked(awayTo).mockResolvedValue({ kept: {}, code: 'once' });
  await choose();
  press('connect-go');
  await waitFor(() => expect(go.onConnected).toHaveBeenCalledWith('c1'));
  expect(awayTo).toHaveBeenCalledWith('https://broker.example/in', 'brokerages/connected', {
    provider: 'schwab',
    handle: 'h',
  });
  expect(posted(asked, '/finish')[0]?.options.body).toEqual({
    handle: 'h',
    code: 'once',
    values: {},
  });
});

test.each([
  [null, 'connect.closed'],
  [{ problem: 'cancelled' }, 'connect.cancelled'],
  [{ problem: 'broker_refused' }, 'connect.refused'],
  [{ problem: 'broker_flow_invalid' }, 'connect.foreign'],
] as const)('coming back with %j connects nothing and says why', async (back, words) => {
  const asked = serve(answer(page));
  jest.mocked(awayTo).mockResolvedValue(back);
  await choose();
  press('connect-go');
  expect(await screen.findByText(t(words))).toBeTruthy();
  expect(posted(asked, '/finish')).toHaveLength(0);
  expect(go.onConnected).not.toHaveBeenCalled();
});

test('the step-up is asked for, and closing it leaves everything as it was', async () => {
  serve(({ path }) =>
    path.endsWith('/connect')
      ? new Refused(403, 'step_up_needed', 'Prove that it is you.')
      : { brokerages: offered },
  );
  await choose();
  press('connect-go');
  await waitFor(() => expect(stepUpStore.get()).not.toBeNull());
  // A phone shows one sheet at a time.
  expect(screen.queryByTestId('connect-ready')).toBeNull();
  act(() => stepUpStore.get()?.cancelled());
  expect(await screen.findByTestId('connect-ready')).toBeTruthy();
  expect(screen.queryByTestId('form-error')).toBeNull();
  expect(awayTo).not.toHaveBeenCalled();
});

const fields = [
  { name: 'user', label: 'User', concealed: false, help: '' },
  { name: 'token', label: 'Token', concealed: true, help: 'Under Settings, API.' },
];
const form = { ...page, url: null, fields, code: 'typed-code' };

test('what is typed is hidden where secret, complete before it is sent, and sent once', async () => {
  const asked = serve(answer(form));
  await choose();
  press('connect-go');
  expect((await screen.findByTestId('field-token')).props.secureTextEntry).toBe(true);
  expect(screen.getByTestId('field-token').props.autoComplete).toBe('off');
  expect(screen.getByTestId('field-user').props.secureTextEntry).toBeFalsy();
  fireEvent.changeText(screen.getByTestId('field-user'), 'ada');
  press('connect-submit');
  expect(screen.getByText(t('connect.empty'))).toBeTruthy();
  expect(posted(asked, '/finish')).toHaveLength(0);
  fireEvent.changeText(screen.getByTestId('field-token'), ' s3cret ');
  press('connect-submit');
  await waitFor(() => expect(go.onConnected).toHaveBeenCalledWith('c1'));
  expect(posted(asked, '/finish')[0]?.options.body).toEqual({
    handle: 'h',
    code: 'typed-code',
    values: { user: 'ada', token: 's3cret' },
  });
});

test('a refused key is said, and the next attempt begins anew with what was typed', async () => {
  let good = false;
  const refused = new Refused(422, 'broker_sign_in_refused', 'The token is not known.');
  const asked = serve(answer(form, () => (good ? connection() : refused)));
  await choose();
  press('connect-go');
  fireEvent.changeText(await screen.findByTestId('field-user'), 'ada');
  fireEvent.changeText(screen.getByTestId('field-token'), 'wrong');
  press('connect-submit');
  expect(await screen.findByText('The token is not known.')).toBeTruthy();
  good = true;
  fireEvent.changeText(screen.getByTestId('field-token'), 'right');
  press('connect-submit');
  await waitFor(() => expect(go.onConnected).toHaveBeenCalledTimes(1));
  expect(posted(asked, '/connect')).toHaveLength(2);
});

test('closing the sheet forgets what was typed', async () => {
  serve(answer(form));
  await choose();
  press('connect-go');
  fireEvent.changeText(await screen.findByTestId('field-token'), 's3cret');
  fireEvent.press(screen.getByLabelText(t('action.cancel')));
  fireEvent.press(screen.getByText('Charles Schwab'));
  press('connect-go');
  expect((await screen.findByTestId('field-token')).props.value).toBe('');
});

test('a copied code: its page opens beside the app, a refusal leads to a new page', async () => {
  const refused = new Refused(422, 'broker_sign_in_refused', 'This code is not known.');
  const asked = serve(answer({ ...page, copies_code: true, code: 'c' }, () => refused));
  await choose();
  press('connect-go');
  await screen.findByTestId('connect-open');
  press('connect-open');
  expect(openPage).toHaveBeenCalledWith('https://broker.example/in');
  fireEvent.changeText(screen.getByTestId('field-oauth_verifier'), ' AB12 ');
  press('connect-submit');
  expect(await screen.findByText('This code is not known.')).toBeTruthy();
  expect(posted(asked, '/finish')[0]?.options.body).toMatchObject({
    values: { oauth_verifier: 'AB12' },
  });
  press('connect-submit');
  expect(await screen.findByTestId('connect-ready')).toBeTruthy();
});

test('an offer that ended cannot be sent any more', async () => {
  serve(answer({ ...form, expires_in_seconds: 0 }));
  await choose();
  press('connect-go');
  expect(await screen.findByText(t('connect.expired'))).toBeTruthy();
  expect(screen.queryByTestId('connect-submit')).toBeNull();
  press('connect-restart');
  expect(screen.getByTestId('connect-ready')).toBeTruthy();
});

test('a broker that asks nothing is connected at once', async () => {
  const asked = serve(answer({ ...page, url: null, code: 'c' }));
  await choose();
  press('connect-go');
  await waitFor(() => expect(go.onConnected).toHaveBeenCalledWith('c1'));
  expect(posted(asked, '/finish')[0]?.options.body).toMatchObject({ code: 'c', values: {} });
});

test('several ways in are a choice, and the chosen one is asked for', async () => {
  const all = [brokerage({ sign_in: ['personal_token', 'oauth2'] })];
  const asked = serve(answer(page, undefined, all));
  jest.mocked(awayTo).mockResolvedValue(null);
  await choose();
  press('choice-oauth2');
  press('connect-go');
  await waitFor(() => expect(posted(asked, '/connect')).toHaveLength(1));
  expect(posted(asked, '/connect')[0]?.options.body).toMatchObject({ kind: 'oauth2' });
  expect(await screen.findByTestId('connect-note')).toBeTruthy();
});

test('behind an aggregator the brokerage is chosen first, and what is away cannot be', async () => {
  const aggregator = brokerage({ name: 'snap', label: 'SnapTrade', asks_brokerages: true });
  const reached = [
    { name: 'robinhood', label: 'Robinhood', available: true, note: '' },
    { name: 'vanguard', label: 'Vanguard', available: false, note: '' },
  ];
  const asked = serve((question) =>
    question.path.endsWith('/reached')
      ? { brokerages: reached }
      : answer(page, undefined, [aggregator])(question),
  );
  jest.mocked(awayTo).mockResolvedValue(null);
  await choose('SnapTrade');
  await screen.findByTestId('choice-robinhood');
  expect(screen.queryByTestId('choice-vanguard')).toBeNull();
  press('connect-go');
  expect(posted(asked, '/connect')).toHaveLength(0);
  press('choice-robinhood');
  press('connect-go');
  await waitFor(() => expect(posted(asked, '/connect')).toHaveLength(1));
  expect(posted(asked, '/connect')[0]?.options.body).toMatchObject({ brokerage: 'robinhood' });
  expect(await screen.findByTestId('connect-note')).toBeTruthy();
});
