// The same rows as text and as bytes end as the same values in the stores that screens read.
import { chainKey, chains, clearLive, contracts, feedStore, quotes } from '@/stream/live';
import { readBinary } from '@/stream/binary';
import type { Frame, Rows } from '@/stream/protocol';
import type { Target } from '@/stream/subscription';
import { chainTarget, quotesTarget } from '@/stream/targets';
import {
  chainFrame,
  plain,
  quoteFrame,
  WORDS,
  type ContractBytes,
  type QuoteBytes,
} from '@/stream/test-bytes';

const text = (...rows: unknown[][]): Rows => ({ layout: 'json', rows });

function give(target: Target, frame: Frame | null) {
  if (frame?.type === 'snapshot') target.snapshot(frame.header, frame.rows);
  else if (frame?.type === 'changes') target.changes(frame.rows, frame.header);
  else throw new Error('no numbers');
}

const row = ['SPY', 1.25, 1.5, 3, 4, 1.5, 1, 2, 0.5, 1.25, 10, 1_700, 'realtime', 16, 'open'];
const bytes: QuoteBytes = {
  id: 7,
  prices: [1.25, 1.5, 1.5, 1, 2, 0.5, 1.25],
  sizes: [3, 4],
  volume: 10,
  asOf: 1_700,
  scale: 2,
  codes: [0, 16, 0],
};
const columns = {
  columns: ['i', 'bid', 'ask', 'bid_size', 'ask_size', 'last', 'volume', 'iv', 'status'],
};
const contract: ContractBytes = {
  i: 0,
  scale: 2,
  status: 0,
  prices: [1.5, 1.75, null],
  counts: [1, 2, 3],
  floats: [0.25, 0.5, 0.5, 0.5, 0.5, 0.5],
  asOf: 1_700,
  flags: 0,
};
const listed = (i: number, strike: number) => [i, `K${strike}`, 'SPY', 'C', strike, 5, null];
const chain = { underlying: 'SPY', expiration: '2026-12-18' };
const of = chainKey('SPY', '2026-12-18');

beforeEach(() => {
  jest.useFakeTimers({ now: 5_000 });
  clearLive();
});
afterEach(() => jest.useRealTimers());

test('a quote is the same as text and as bytes', () => {
  quotesTarget(jest.fn()).snapshot({ ids: {} }, text(row));
  const fromText = quotes.newest('SPY');
  expect(fromText).toMatchObject({ bid: 1.25, quality: 'realtime', at: 5_000 });
  clearLive();
  give(
    quotesTarget(jest.fn()),
    readBinary(quoteFrame({ id: 1, n: 0, seen: 1, header: { ids: { SPY: 7 } } }, [bytes]), WORDS),
  );
  expect(plain(quotes.newest('SPY'), fromText ?? {})).toEqual(fromText);
});

test('rows name symbols by the numbers of the snapshot and of later headers', () => {
  const target = quotesTarget(jest.fn());
  const frame = (n: number, header: object | null, id: number) =>
    give(target, readBinary(quoteFrame({ id: 1, n, seen: 1, header }, [{ ...bytes, id }]), WORDS));
  frame(0, { ids: { SPY: 7 } }, 7);
  frame(1, null, 8);
  expect(quotes.newest('QQQ')).toBeUndefined();
  frame(2, { ids: { QQQ: 8 } }, 8);
  expect(quotes.newest('QQQ')?.bid).toBe(1.25);
  frame(0, { ids: { IWM: 8 } }, 8);
  expect(quotes.newest('IWM')?.bid).toBe(1.25);
});

test('what is missing is told with its reason, and again when that changes', () => {
  const heard = jest.fn();
  const target = quotesTarget(heard);
  const missing = [
    { symbol: 'XX', detail: 'Unknown.' },
    { symbol: 'YY' },
    { detail: 'no name' },
    7,
  ];
  target.snapshot({ missing }, text());
  expect(heard).toHaveBeenLastCalledWith([
    { symbol: 'XX', detail: 'Unknown.' },
    { symbol: 'YY', detail: '' },
  ]);
  target.changes(text(), { as_of: 1 });
  expect(heard).toHaveBeenCalledTimes(1);
  target.changes(text(), { missing: [] });
  target.resumed({ missing: [{ symbol: 'ZZ', detail: 'Away.' }] });
  expect(heard).toHaveBeenLastCalledWith([{ symbol: 'ZZ', detail: 'Away.' }]);
  target.failed({ id: 1, code: 'x', detail: '', nextStep: '', retryAfterMs: null });
});

test('a contract is the same as text and as bytes, and the spot comes with the header', () => {
  const heard = { covered: jest.fn(), failed: jest.fn() };
  const header = { ...columns, contracts: [listed(0, 600)], spot: row };
  chainTarget(chain, true, heard).snapshot(header, text([0, 1.5, 1.75, 1, 2, null, 3, 0.25, 'ok']));
  const fromText = contracts.newest('K600');
  expect(fromText).toMatchObject({ bid: 1.5, iv: 0.25, status: 'ok' });
  expect(quotes.newest('SPY')?.bid).toBe(1.25);
  expect(heard.covered).toHaveBeenCalledWith({ from: 600, to: 600 });
  const target = chainTarget(chain, true, heard);
  const frame = (n: number, i: number, told: object | null) =>
    give(
      target,
      readBinary(chainFrame({ id: 1, n, seen: 1, header: told }, [{ ...contract, i }]), WORDS),
    );
  frame(0, 0, header);
  expect(contracts.newest('K600')).toMatchObject({ bid: 1.5, ask: 1.75, last: null, iv: 0.25 });
  frame(1, 9, { spot: ['SPY', 2, ...row.slice(2)] });
  expect(quotes.newest('SPY')?.bid).toBe(2);
  expect(chains.newest(of)?.contracts.map((each) => each.key)).toEqual(['K600']);
  target.resumed({});
  target.failed({ id: 1, code: 'x', detail: 'Why.', nextStep: '', retryAfterMs: null });
  expect(heard.failed).toHaveBeenCalledWith('Why.');
});

test('a window of strikes keeps what is listed beyond it, a whole chain does not', () => {
  const heard = { covered: jest.fn(), failed: jest.fn() };
  const header = (...strikes: number[]) => ({
    ...columns,
    contracts: strikes.map((strike, i) => listed(i, strike)),
  });
  const keys = () => chains.newest(of)?.contracts.map((each) => each.key);
  chainTarget(chain, true, heard).snapshot(header(590, 600, 610, 620), text());
  chainTarget(chain, false, heard).snapshot(header(600, 605, 610), text());
  expect(keys()).toEqual(['K590', 'K620', 'K600', 'K605', 'K610']);
  expect(heard.covered).toHaveBeenLastCalledWith({ from: 600, to: 610 });
  chainTarget(chain, true, heard).snapshot(header(600, 605), text());
  expect(keys()).toEqual(['K600', 'K605']);
});

test('rows of the other layout, or of columns nobody named, change nothing', () => {
  const heard = { covered: jest.fn(), failed: jest.fn() };
  const target = chainTarget(chain, true, heard);
  target.snapshot({ contracts: 'unreadable' }, text([0, 1]));
  give(target, readBinary(quoteFrame({ id: 1, n: 1, seen: 1, header: null }, [bytes]), WORDS));
  give(
    quotesTarget(jest.fn()),
    readBinary(chainFrame({ id: 1, n: 1, seen: 1, header: null }, [contract]), WORDS),
  );
  expect(contracts.newest('K600')).toBeUndefined();
  expect(feedStore.get().connection).toBe('idle');
});
