// Frames that the server's own encoders made: as bytes and as text they end as the same values.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { readBinary } from '@/stream/binary';
import { readText } from '@/stream/frames';
import { chainKey, chains, clearLive, contracts, quotes } from '@/stream/live';
import type { Frame } from '@/stream/protocol';
import type { Target } from '@/stream/subscription';
import { chainTarget, quotesTarget } from '@/stream/targets';
import { plain } from '@/stream/test-bytes';

interface Golden {
  name: string;
  binary_base64: string;
  json: unknown[];
}

const folder = join(__dirname, '../../../tests/fixtures/stream');
const load = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const goldens: Golden[] = load('frames.json');
const words = load('words.json');

const hello = readText(JSON.stringify(['hello', { version: 2, stream: 's', words }]));
const bytesOf = ({ binary_base64 }: Golden): Frame | null => {
  if (hello?.type !== 'hello') throw new Error('no hello');
  const bytes = Uint8Array.from(Buffer.from(binary_base64, 'base64'));
  return readBinary(bytes.buffer, hello.words);
};
const textOf = ({ json }: Golden): Frame | null => readText(JSON.stringify(json));

const chain = { underlying: 'SPY', expiration: '2026-12-18' };
const heard = { covered: jest.fn(), failed: jest.fn() };
const QUOTE =
  'symbol bid ask bidSize askSize last open high low previousClose volume asOf quality flags';
const CONTRACT =
  'bid ask bidSize askSize last volume iv delta gamma theta vega rho status flags asOf';

/** Everything in the stores, by name. */
function stored() {
  const like = (names: string) => Object.fromEntries(names.split(' ').map((name) => [name, 0]));
  const listing = chains.newest(chainKey(chain.underlying, chain.expiration));
  const symbols = ['SPY', 'SPX', 'TINY'];
  return {
    quotes: symbols.map((symbol) => plain(quotes.newest(symbol), like(QUOTE))),
    listing,
    contracts: listing?.contracts.map(({ key }) => plain(contracts.newest(key), like(CONTRACT))),
  };
}

function play(read: (golden: Golden) => Frame | null) {
  clearLive();
  const targets: Record<string, Target> = {
    quotes: quotesTarget(jest.fn()),
    chain: chainTarget(chain, true, heard),
  };
  return goldens.map((golden) => {
    const target = targets[golden.name.startsWith('chain') ? 'chain' : 'quotes'];
    const frame = read(golden);
    if (frame?.type === 'snapshot') target?.snapshot(frame.header, frame.rows);
    else if (frame?.type === 'changes') target?.changes(frame.rows, frame.header);
    else throw new Error(golden.name);
    return stored();
  });
}

const LARGEST = 2 ** 32 - 2;

/** Equal within what four bytes of a float hold; what is larger than fits is the largest. */
function expectSame(a: unknown, b: unknown) {
  if (a === LARGEST) return expect(b).toBeGreaterThanOrEqual(LARGEST);
  if (typeof a === 'number' && typeof b === 'number')
    return expect(Math.abs(a - b)).toBeLessThanOrEqual(Math.abs(b) * 1e-7);
  if (typeof a !== 'object' || a === null) return expect(a).toEqual(b);
  expect(Object.keys(a)).toEqual(Object.keys(b as object));
  for (const [name, value] of Object.entries(a)) expectSame(value, (b as never)[name]);
}

beforeAll(() => jest.useFakeTimers());
afterAll(() => jest.useRealTimers());

test('there is a frame of every kind', () => {
  expect(goldens.map((each) => each.name)).toEqual(
    expect.arrayContaining(['quotes: snapshot', 'quotes: changes', 'chain: snapshot']),
  );
});

test('bytes and text say the same of a frame', () => {
  for (const golden of goldens) {
    const [bytes, text] = [bytesOf(golden), textOf(golden)];
    expect({ ...bytes, rows: null }).toEqual({ ...text, rows: null });
  }
});

test('after every frame the screens have the same values', () => {
  const [fromBytes, fromText] = [play(bytesOf), play(textOf)];
  expect(fromText.at(-1)?.contracts?.length).toBeGreaterThan(1);
  expect(fromText[0]?.quotes.every((each) => each !== null)).toBe(true);
  expectSame(fromBytes, fromText);
});
