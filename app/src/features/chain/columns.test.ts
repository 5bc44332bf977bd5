import {
  cellText,
  cellValue,
  CHOICES,
  columnsOf,
  columnWord,
  dropsColumn,
  isPrice,
} from '@/features/chain/columns';
import { t } from '@/i18n/t';
import type { ContractInfo, ContractTick } from '@/stream/protocol';

const info: ContractInfo = {
  key: 'k',
  root: 'SPY',
  right: 'C',
  strike: 100,
  openInterest: 18_800,
  previousClose: 4,
};
const tick: ContractTick = {
  bid: 4.75,
  ask: 4.9,
  bidSize: 1,
  askSize: 1,
  last: 4.8,
  volume: 12_400,
  iv: 0.414,
  delta: 0.353,
  gamma: 0.0174,
  theta: -0.142,
  vega: 0.19,
  rho: 0.05,
  status: 'ok',
  flags: 0,
  asOf: 0,
  at: 0,
};

test('puts mirror calls, but bid stays before ask', () => {
  expect(columnsOf('greeks', 'call')).toEqual(['theta', 'delta', 'bid', 'ask']);
  expect(columnsOf('greeks', 'put')).toEqual(['bid', 'ask', 'delta', 'theta']);
  expect(columnsOf('all', 'put')).toEqual(['bid', 'ask', 'delta', 'theta', 'gamma', 'vega', 'oi']);
});

test('four-digit premiums take the room of the outermost column', () => {
  expect(columnsOf('greeks', 'call', true)).toEqual(['delta', 'bid', 'ask']);
  expect(columnsOf('all', 'call', true)).toHaveLength(7);
  expect(dropsColumn(6_124, 390)).toBe(true);
  expect(dropsColumn(612, 390)).toBe(false);
  expect(dropsColumn(null, 390)).toBe(false);
  expect(dropsColumn(612, 360)).toBe(true);
});

test.each([
  ['bid', '4.75'],
  ['mid', '4.83'],
  ['last', '4.80'],
  ['delta', '0.35'],
  ['gamma', '0.017'],
  ['theta', '−0.14'],
  ['vega', '0.19'],
  ['iv', '41.4'],
  ['oi', '18.8K'],
  ['volume', '12.4K'],
] as const)('%s prints as %s', (name, text) => {
  expect(cellText(name, cellValue(name, tick, info))).toBe(text);
});

test('a contract without a tick prints dashes, but keeps its open interest', () => {
  expect(cellText('bid', cellValue('bid', undefined, info))).toBe('—');
  expect(cellText('mid', cellValue('mid', undefined, info))).toBe('—');
  expect(cellText('oi', cellValue('oi', undefined, info))).toBe('18.8K');
});

test('every column of every set has a head', () => {
  for (const set of [...CHOICES, 'all' as const]) {
    for (const name of columnsOf(set, 'call')) expect(t(columnWord(name))).not.toBe('');
  }
  expect([isPrice('mid'), isPrice('delta')]).toEqual([true, false]);
});
