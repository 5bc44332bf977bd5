// Time from a frame of 200 rows to values in a store: bytes as the app reads them (and with every number
// of every row looked at, which no screen does), text as the app reads it, and JSON.parse alone.
// Prints one JSON object: microseconds a frame (median of rounds in turn), ratios, sizes.
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import ts from 'typescript';

const ROWS = 200;
const ROUNDS = 15;
const FRAMES = 400;

const loaded = new Map();

/** A module of the app, compiled in memory. */
function load(name) {
  const found = loaded.get(name);
  if (found !== undefined) return found.exports;
  const path = new URL(`../src/${name.replace('@/', '')}.ts`, import.meta.url);
  const { outputText } = ts.transpileModule(readFileSync(path, 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const module = { exports: {} };
  loaded.set(name, module);
  new Function('exports', 'require', 'module', outputText)(module.exports, load, module);
  return module.exports;
}

const { readBinary, CHAIN_BYTES, QUOTE_BYTES } = load('@/stream/binary');
const { contractAt, contractIndex, quoteAt, quoteId } = load('@/stream/binary-rows');
const { readText } = load('@/stream/frames');
const { QUOTE_COLUMNS, readColumns, readContract, readQuote } = load('@/stream/rows');
const { chainFrame, quoteFrame, WORDS } = load('@/stream/test-bytes');

const names =
  'i bid ask bid_size ask_size last volume iv delta gamma theta vega rho status flags as_of';
const columns = readColumns({ columns: names.split(' ') });
const numbers = Array.from({ length: ROWS }, (_, index) => index);
const asOf = 1_795_360_000_123;
const head = { id: 1, n: 1, seen: 1, header: null };
const figure = (value) => Math.round(value * 1e5) / 1e5;

const greeks = (i) =>
  [0.18 + i / 1e4, 0.5 - i / 500, 0.0123 + i / 1e5, -0.08 - i / 1e4, 0.31 + i / 1e3, 0.02].map(
    figure,
  );
const chainText = JSON.stringify([
  'changes',
  1,
  1,
  numbers.map((i) => [
    i,
    ...[1.05 + i / 100, 1.1 + i / 100, 10, 20, 1.07 + i / 100, 1_234 + i].map(figure),
    ...greeks(i),
    'ok',
    0,
    asOf,
  ]),
  null,
  1,
]);
const chainBytes = chainFrame(
  head,
  numbers.map((i) => ({
    i,
    scale: 2,
    status: 0,
    prices: [1.05 + i / 100, 1.1 + i / 100, 1.07 + i / 100],
    counts: [10, 20, 1_234 + i],
    floats: greeks(i),
    asOf,
    flags: 0,
  })),
);
const prices = (i) =>
  [600.01, 600.02, 600.01, 598.5, 603.25, 597.75, 599.9].map((p) => figure(p + i));
const quoteText = JSON.stringify([
  'changes',
  1,
  1,
  numbers.map((i) => {
    const [bid, ask, last, ...day] = prices(i);
    return [`SYM${i}`, bid, ask, 3, 4, last, ...day, 51_234_567, asOf, 'realtime', 0, 'open'];
  }),
  null,
  1,
]);
const quoteBytes = quoteFrame(
  head,
  numbers.map((i) => ({
    id: i,
    prices: prices(i),
    sizes: [3, 4],
    volume: 51_234_567,
    asOf,
    scale: 2,
    codes: [0, 0, 0],
  })),
);

const keys = new Map(numbers.map((i) => [i, `SYM${i}`]));
let store = new Map();
const fields = 'bid ask bidSize askSize last volume asOf flags'.split(' ');
const chainFields = [...fields, 'iv', 'delta', 'gamma', 'theta', 'vega', 'rho', 'status'];
const quoteFields = [...fields, 'open', 'high', 'low', 'previousClose', 'quality', 'symbol'];
let sum = 0;
const look = (names) => {
  for (const tick of store.values()) for (const name of names) sum += Number(tick[name]) || 0;
};
const ways = {
  chain_bytes: () => {
    const { view, at, count, words } = readBinary(chainBytes, WORDS).rows;
    for (let row = 0, place = at; row < count; row += 1, place += CHAIN_BYTES)
      store.set(keys.get(contractIndex(view, place)), contractAt(view, place, words, 1));
  },
  chain_bytes_looked_at: () => {
    ways.chain_bytes();
    look(chainFields);
  },
  chain_text: () => {
    for (const row of readText(chainText).rows.rows) {
      const read = readContract(columns, row, 1);
      store.set(keys.get(read.index), read.tick);
    }
  },
  chain_json_parse: () => JSON.parse(chainText),
  quotes_bytes: () => {
    const { view, at, count, words } = readBinary(quoteBytes, WORDS).rows;
    for (let row = 0, place = at; row < count; row += 1, place += QUOTE_BYTES) {
      const symbol = keys.get(quoteId(view, place));
      store.set(symbol, quoteAt(view, place, words, symbol, 1));
    }
  },
  quotes_bytes_looked_at: () => {
    ways.quotes_bytes();
    look(quoteFields);
  },
  quotes_text: () => {
    for (const row of readText(quoteText).rows.rows) {
      const tick = readQuote(QUOTE_COLUMNS, row, 1);
      store.set(tick.symbol, tick);
    }
  },
  quotes_json_parse: () => JSON.parse(quoteText),
};

const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
for (let round = -2; round < ROUNDS; round += 1) {
  for (const [name, way] of Object.entries(ways)) {
    store = new Map();
    const began = performance.now();
    for (let frame = 0; frame < FRAMES; frame += 1) way();
    if (round >= 0) times[name].push(((performance.now() - began) * 1_000) / FRAMES);
  }
}
const us = Object.fromEntries(
  Object.entries(times).map(([name, all]) => [name, all.sort((a, b) => a - b)[ROUNDS >> 1]]),
);
const round = (value) => Math.round(value * 100) / 100;
const report = { rows: ROWS, checked: Number.isFinite(sum) };
for (const [name, value] of Object.entries(us)) report[`${name}_us`] = round(value);
for (const kind of ['chain', 'quotes']) {
  report[`${kind}_parse_vs_bytes`] = round(us[`${kind}_json_parse`] / us[`${kind}_bytes`]);
  report[`${kind}_text_vs_bytes`] = round(us[`${kind}_text`] / us[`${kind}_bytes`]);
}
report.chain_bytes_vs_json = round(chainBytes.byteLength / chainText.length);
report.quotes_bytes_vs_json = round(quoteBytes.byteLength / quoteText.length);
console.log(JSON.stringify(report, null, 2));
