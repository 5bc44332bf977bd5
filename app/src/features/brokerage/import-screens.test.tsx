// A file: chosen, previewed row by row, confirmed or thrown away, and taken back.
import { fireEvent, screen, waitFor } from '@testing-library/react-native';

import { queryClient } from '@/api/query-client';
import { FILE_BYTES_MAX } from '@/features/brokerage/import-model';
import { ImportScreen } from '@/features/brokerage/import-screen';
import { ImportsScreen } from '@/features/brokerage/imports-screen';
import { fileImport, importRow } from '@/features/brokerage/test-brokerage';
import { begin, Refused, serve, show, type Asked } from '@/api/test-screens';
import { t } from '@/i18n/t';
import { chooseFile } from '@/lib/choose-file';

jest.mock('@/lib/choose-file', () => ({ chooseFile: jest.fn() }));

const go = { onBack: jest.fn(), onOpen: jest.fn() };
const press = (id: string) => fireEvent.press(screen.getByTestId(id));
const chosen = (size: number, name = 'history.csv') =>
  jest.mocked(chooseFile).mockResolvedValue({
    name,
    size,
    bytes: () => Promise.resolve(new Uint8Array([1, 2])),
  });
const sent = (asked: Asked[], method: string) => asked.filter((each) => each.method === method);

beforeEach(begin);
afterEach(() => jest.clearAllMocks());
afterAll(() => queryClient.clear());

test('a chosen file is sent as it is, and its preview opens', async () => {
  chosen(2, 'Käufe 2026.csv');
  const asked = serve(({ method }) => (method === 'POST' ? fileImport() : { imports: [] }));
  show(<ImportsScreen {...go} />);
  await screen.findByText(t('import.past.none'));
  press('choose-format');
  press('choice-fidelity_csv');
  press('choose-file');
  await waitFor(() => expect(go.onOpen).toHaveBeenCalledWith('i1'));
  const [post] = sent(asked, 'POST');
  expect(post?.options.params).toEqual({
    query: { format: 'fidelity_csv' },
    header: { 'x-file-name': 'K%C3%A4ufe%202026.csv' },
  });
  const options = post?.options as { bodySerializer: () => Uint8Array } | undefined;
  expect(options?.bodySerializer()).toEqual(new Uint8Array([1, 2]));
});

test.each([
  [0, /is empty/],
  [FILE_BYTES_MAX + 1, /At most 8\.0 MB/],
])('a file of %d bytes is refused before it is sent', async (size, words) => {
  chosen(size);
  const asked = serve(() => ({ imports: [] }));
  show(<ImportsScreen {...go} />);
  await screen.findByText(t('import.past.none'));
  press('choose-file');
  expect(await screen.findByText(words)).toBeTruthy();
  expect(sent(asked, 'POST')).toHaveLength(0);
});

test('a file of the largest size is sent; what the server refuses is said', async () => {
  chosen(FILE_BYTES_MAX);
  serve(({ method }) =>
    method === 'POST'
      ? new Refused(422, 'import_format_unknown', 'This is no statement that OPTIX knows.')
      : { imports: [] },
  );
  show(<ImportsScreen {...go} />);
  await screen.findByText(t('import.past.none'));
  press('choose-file');
  expect(await screen.findByText('This is no statement that OPTIX knows.')).toBeTruthy();
  expect(go.onOpen).not.toHaveBeenCalled();
});

test('choosing nothing changes nothing, and a file that cannot be opened is said', async () => {
  serve(() => ({ imports: [] }));
  show(<ImportsScreen {...go} />);
  await screen.findByText(t('import.past.none'));
  jest.mocked(chooseFile).mockResolvedValueOnce(null);
  press('choose-file');
  jest.mocked(chooseFile).mockRejectedValueOnce(new Error('no permission'));
  press('choose-file');
  expect(await screen.findByText(t('import.choose.failed'))).toBeTruthy();
});

test('earlier imports say how they stand', async () => {
  serve(() => ({ imports: [fileImport({ state: 'confirmed' })] }));
  show(<ImportsScreen {...go} />);
  fireEvent.press(await screen.findByTestId('import-i1'));
  expect(screen.getByText(t('import.state.confirmed'))).toBeTruthy();
  expect(screen.getByText(/2 new of 4 rows/)).toBeTruthy();
  expect(go.onOpen).toHaveBeenCalledWith('i1');
});

test('the preview says nothing is written, filters rows, and pages until all are there', async () => {
  serve(({ options }) =>
    options.params?.query?.cursor === 2
      ? fileImport({ rows: [importRow(9, { verdict: 'ignored', why: 'A subtotal.' })] })
      : fileImport({ counts: { new: 2, known: 1, unreadable: 1, ignored: 1 }, next: '2' }),
  );
  show(<ImportScreen id="i1" onBack={go.onBack} />);
  expect(await screen.findByText(t('import.safe'))).toBeTruthy();
  expect(screen.getAllByTestId('import-row')).toHaveLength(4);
  fireEvent.press(screen.getByText('Not read 2'));
  expect(screen.getByText('The date is not one.')).toBeTruthy();
  expect(screen.getByText('1 of 2 shown.')).toBeTruthy();
  press('more');
  expect(await screen.findByText('A subtotal.')).toBeTruthy();
  expect(screen.queryByTestId('rows-part')).toBeNull();
});

test('confirming imports the new rows, once, and offers the way back', async () => {
  let state: 'preview' | 'confirmed' = 'preview';
  const asked = serve(({ method }) => {
    if (method === 'POST') state = 'confirmed';
    return fileImport({ state });
  });
  show(<ImportScreen id="i1" onBack={go.onBack} />);
  fireEvent.press(await screen.findByText('Import 2 rows'));
  expect(await screen.findByTestId('import-done')).toBeTruthy();
  expect(sent(asked, 'POST').map(({ path }) => path)).toEqual([
    'brokerages/imports/{import_id}/confirm',
  ]);
  press('import-undo');
  expect(sent(asked, 'DELETE')).toHaveLength(0);
  press('import-undo-now');
  await waitFor(() => expect(go.onBack).toHaveBeenCalledTimes(1));
  expect(sent(asked, 'DELETE').map(({ path }) => path)).toEqual(['brokerages/imports/{import_id}']);
});

test('a file of known rows has nothing to import, and can be thrown away', async () => {
  const asked = serve(() =>
    fileImport({ counts: { new: 0, known: 3, unreadable: 0, ignored: 0 }, rows: [] }),
  );
  show(<ImportScreen id="i1" onBack={go.onBack} />);
  expect(await screen.findByText(t('import.nothing'))).toBeTruthy();
  press('import-confirm');
  expect(sent(asked, 'POST')).toHaveLength(0);
  press('import-discard');
  await waitFor(() => expect(go.onBack).toHaveBeenCalled());
  expect(sent(asked, 'DELETE')).toHaveLength(1);
});
