// Bytes written from the document give the values; cut, stretched or changed at random they are
// refused with one kind of error, or read within their bounds, and never anything else.
import { FRAME_BYTES_MAX, readBinary } from '@/stream/binary';
import { contractAt, contractIndex, quoteAt, quoteId } from '@/stream/binary-rows';
import { BadFrame, type Frame, type Rows } from '@/stream/protocol';
import {
  chainFrame,
  plain,
  quoteFrame,
  WORDS,
  type ContractBytes,
  type QuoteBytes,
} from '@/stream/test-bytes';

const quote: QuoteBytes = {
  id: 7,
  prices: [612.34, 612.35, 612.3, 610, 613.5, 609.99, null],
  sizes: [3, null],
  volume: 5 * 2 ** 32 + 6,
  asOf: 1_795_360_000_123,
  scale: 2,
  codes: [5, 16, 0],
};
const contract: ContractBytes = {
  i: 513,
  scale: 3,
  status: 0,
  prices: [1.125, 1.13, null],
  counts: [10, 2 ** 32 - 2, null],
  floats: [0.25, 0.5, -0.125, null, 2, 4],
  asOf: 1_795_360_000_123,
  flags: 129,
};
const head = { id: 3, n: 0, seen: 2 ** 40 + 1, header: { kind: 'quotes' } };

function rowsOf(frame: Frame | null): Extract<Rows, { view: DataView }> {
  if (frame === null || (frame.type !== 'snapshot' && frame.type !== 'changes'))
    throw new Error('no numbers');
  if (frame.rows.layout === 'json') throw new Error('text');
  return frame.rows;
}

const quoteIn = (bytes: QuoteBytes) => {
  const rows = rowsOf(readBinary(quoteFrame(head, [bytes]), WORDS));
  return quoteAt(rows.view, rows.at, rows.words, 'SPY', 77);
};
const contractIn = (bytes: ContractBytes) => {
  const rows = rowsOf(readBinary(chainFrame(head, [bytes]), WORDS));
  return contractAt(rows.view, rows.at, rows.words, 77);
};

test('a quote row has every value where the document puts it', () => {
  const values = {
    symbol: 'SPY',
    bid: 612.34,
    ask: 612.35,
    last: 612.3,
    open: 610,
    high: 613.5,
    low: 609.99,
    previousClose: null,
    bidSize: 3,
    askSize: null,
    volume: 5 * 2 ** 32 + 6,
    asOf: 1_795_360_000_123,
    quality: 'simulated',
    flags: 16,
    at: 77,
  };
  expect(plain(quoteIn(quote), values)).toEqual(values);
});

test('a contract row has every value where the document puts it', () => {
  const values = {
    bid: 1.125,
    ask: 1.13,
    last: null,
    bidSize: 10,
    askSize: 2 ** 32 - 2,
    volume: null,
    iv: 0.25,
    delta: 0.5,
    gamma: -0.125,
    theta: null,
    vega: 2,
    rho: 4,
    status: 'ok',
    flags: 129,
    asOf: 1_795_360_000_123,
    at: 77,
  };
  expect(plain(contractIn(contract), values)).toEqual(values);
});

test('rows follow each other and name whom they are about', () => {
  const quotes = rowsOf(readBinary(quoteFrame(head, [quote, { ...quote, id: 9 }]), WORDS));
  expect(quotes.count).toBe(2);
  expect([quoteId(quotes.view, 24), quoteId(quotes.view, 24 + 56)]).toEqual([7, 9]);
  const chain = rowsOf(readBinary(chainFrame(head, [contract, { ...contract, i: 2 }]), WORDS));
  expect([contractIndex(chain.view, 24), contractIndex(chain.view, 24 + 60)]).toEqual([513, 2]);
});

test('prices are exact at every scale, and floats where no scale holds them', () => {
  for (let scale = 0; scale <= 8; scale += 1) {
    const prices = [1, 2, 3, 4, 5, 6, 7].map((digit) => Number(`${digit}e-${scale}`));
    expect(quoteIn({ ...quote, scale, prices })).toMatchObject({
      bid: prices[0],
      previousClose: prices[6],
    });
  }
  const big = [3e9, null, 0.5, 1, 1, 1, 1];
  expect(quoteIn({ ...quote, scale: 255, prices: big })).toMatchObject({ bid: 3e9, ask: null });
  expect(() => quoteIn({ ...quote, scale: 9 })).toThrow(BadFrame);
  expect(() => contractIn({ ...contract, scale: 254 })).toThrow(BadFrame);
});

test('nothing is null where the document says so, and words that are not known have no row', () => {
  expect(quoteIn({ ...quote, volume: null, asOf: null })).toMatchObject({
    volume: null,
    asOf: null,
  });
  expect(contractIn({ ...contract, asOf: null })?.asOf).toBeNull();
  expect(quoteIn({ ...quote, codes: [6, 0, 0] })).toBeNull();
  expect(quoteIn({ ...quote, codes: [200, 0, 0] })).toBeNull();
  expect(contractIn({ ...contract, status: 3 })).toBeNull();
  expect(contractIn({ ...contract, status: 99 })).toBeNull();
});

test('the head says what the frame is', () => {
  expect(readBinary(quoteFrame(head, []), WORDS)).toMatchObject({
    type: 'snapshot',
    id: 3,
    seen: 2 ** 40 + 1,
    header: { kind: 'quotes' },
  });
  const changes = { id: 4, n: 9, seen: 5, header: null };
  expect(readBinary(quoteFrame(changes, [quote]), WORDS)).toMatchObject({
    type: 'changes',
    id: 4,
    n: 9,
    header: null,
    seen: 5,
  });
  const told = { ...changes, header: { spot: ['ü'] } };
  expect(readBinary(quoteFrame(told, []), WORDS)).toMatchObject({ header: { spot: ['ü'] } });
});

test('kinds and layouts of a later time are passed over', () => {
  expect(readBinary(quoteFrame({ ...head, kind: 3 }, []), WORDS)).toBeNull();
  const frame = quoteFrame(head, []);
  new DataView(frame).setUint8(1, 3);
  expect(readBinary(frame, WORDS)).toBeNull();
});

test('nonsense is refused', () => {
  const bad = [
    new ArrayBuffer(0),
    new ArrayBuffer(FRAME_BYTES_MAX + 1),
    quoteFrame({ ...head, header: null }, [quote]), // a snapshot says what it is of
    quoteFrame({ ...head, kind: 1, n: 4 }, []),
    quoteFrame({ ...head, kind: 2, n: 0 }, []),
    quoteFrame({ ...head, header: [1] }, []),
    quoteFrame({ ...head, seen: Number.MAX_SAFE_INTEGER + 1 }, []),
  ];
  const many = quoteFrame(head, [quote]);
  new DataView(many).setUint32(12, 2 ** 32 - 1, true);
  const notUtf8 = quoteFrame(head, []);
  new DataView(notUtf8).setUint8(25, 0xff);
  for (const frame of [...bad, many, notUtf8]) {
    expect(() => readBinary(frame, WORDS)).toThrow(BadFrame);
  }
  expect(() => readBinary(quoteFrame(head, []), null)).toThrow(BadFrame);
});

/** A small generator with a seed, so that a failure can be repeated. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const NAMES = { bid: 0, ask: 0, last: 0, bidSize: 0, askSize: 0, volume: 0, asOf: 0, flags: 0 };

function readAll(buffer: ArrayBuffer): 'read' | 'refused' {
  try {
    const frame = readBinary(buffer, WORDS);
    if (frame === null) return 'read';
    const rows = rowsOf(frame);
    for (let row = 0; row < rows.count; row += 1) {
      const tick =
        rows.layout === 'quotes'
          ? quoteAt(rows.view, 24 + row * 56, rows.words, 'X', 0)
          : contractAt(rows.view, 24 + row * 60, rows.words, 0);
      if (tick !== null) plain(tick, NAMES);
    }
    return 'read';
  } catch (error) {
    if (error instanceof BadFrame) return 'refused';
    throw error;
  }
}

test('a frame cut anywhere is refused', () => {
  for (const whole of [
    quoteFrame(head, [quote, quote, quote]),
    chainFrame({ ...head, header: { a: { b: 1 } } }, [contract, contract]),
    chainFrame({ id: 1, n: 5, seen: 9, header: null }, [contract, contract]),
  ]) {
    for (let length = 0; length < whole.byteLength; length += 1) {
      expect(readAll(whole.slice(0, length))).toBe('refused');
    }
    expect(readAll(whole)).toBe('read');
  }
});

test('frames with bytes changed, cut or added at random never do anything else', () => {
  const outcomes = { read: 0, refused: 0 };
  for (let seed = 1; seed <= 3_000; seed += 1) {
    const random = randomOf(seed);
    const rows = Array.from({ length: random(4) }, () => quote);
    const clean =
      random(2) === 0
        ? quoteFrame(head, rows)
        : chainFrame({ ...head, n: 3, header: null }, [contract, contract]);
    const length = Math.max(0, clean.byteLength + random(9) - 4);
    const bytes = new Uint8Array(length);
    bytes.set(new Uint8Array(clean).subarray(0, length));
    for (let flips = random(4); flips > 0; flips -= 1) bytes[random(length)] = random(256);
    outcomes[readAll(bytes.buffer)] += 1;
  }
  expect(outcomes.read).toBeGreaterThan(100);
  expect(outcomes.refused).toBeGreaterThan(100);
});
