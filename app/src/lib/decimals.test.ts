// Money is added and printed from its digits: no float ever touches it.
import { approximate, money, plainDecimal, sumOf } from '@/lib/decimals';

test('sums are exact where floats are not', () => {
  expect(sumOf(['0.1', '0.2'])).toBe('0.3');
  expect(sumOf(['9007199254740993.01', '0.005'])).toBe('9007199254740993.015');
  expect(sumOf(['5', '-7.25'])).toBe('-2.25');
  expect(sumOf(['-0.05'])).toBe('-0.05');
  expect(sumOf([])).toBe('0');
});

test('a sum with a hole is no sum', () => {
  expect(sumOf(['1', null])).toBeNull();
  expect(sumOf(['1', 'NaN'])).toBeNull();
});

test.each([
  ['71904.18', 'USD', '$71,904.18'],
  ['-12.4', 'USD', '−$12.40'],
  ['1234567', 'USD', '$1,234,567.00'],
  ['0.005', 'USD', '$0.01'],
  ['-0.005', 'USD', '−$0.01'],
  ['0.0049', 'USD', '$0.00'],
  ['-0.0049', 'USD', '$0.00'],
  ['10', 'CHF', 'CHF 10.00'],
  [null, 'USD', '—'],
  ['about ten', 'USD', '—'],
])('%s %s prints as %s', (text, currency, printed) => {
  expect(money(text, currency)).toBe(printed);
});

test.each([
  ['10.000', '10'],
  ['-3', '−3'],
  ['1234.5670', '1,234.567'],
  ['0.25', '0.25'],
  [null, '—'],
])('quantity %s prints as %s', (text, printed) => {
  expect(plainDecimal(text)).toBe(printed);
});

test('shapes get a number, and nothing where there is none', () => {
  expect(approximate('12.5')).toBe(12.5);
  expect(approximate(null)).toBe(0);
});
