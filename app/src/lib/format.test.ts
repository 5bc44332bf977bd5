// Each rule of DESIGN "Numbers" is a row: the printed text is the claim.
import {
  age,
  axis,
  compact,
  direction,
  fixed,
  MISSING,
  percent,
  premium,
  price,
  priceParts,
  roundsToZero,
  signed,
  signedPercent,
  strike,
} from '@/lib/format';

test('a missing number prints as an em dash everywhere, never as zero', () => {
  for (const print of [price, premium, percent, signedPercent, compact]) {
    expect(print(null)).toBe(MISSING);
    expect(print(undefined)).toBe(MISSING);
    expect(print(Number.NaN)).toBe(MISSING);
  }
  expect(fixed(null, 2)).toBe(MISSING);
  expect(signed(undefined, 2)).toBe(MISSING);
  expect(direction(null)).toBeNull();
});

test('levels carry a real minus and no plus', () => {
  expect(fixed(-0.1, 2)).toBe('−0.10');
  expect(fixed(1234567.5, 1)).toBe('1,234,567.5');
  expect(fixed(12, 0)).toBe('12');
});

test('changes are signed, but nothing that rounds to zero is', () => {
  expect(signed(1.59, 2)).toBe('+1.59');
  expect(signed(-1.59, 2)).toBe('−1.59');
  expect(signed(-0.001, 2)).toBe('0.00');
  expect(fixed(-0.001, 2)).toBe('0.00');
  expect(signedPercent(0.0087)).toBe('+0.87%');
  expect(roundsToZero(0.004, 2)).toBe(true);
});

test('prices have two decimals, four below a dollar, none invented for zero', () => {
  expect(price(184.62)).toBe('184.62');
  expect(price(0.1234)).toBe('0.1234');
  expect(price(0)).toBe('0.00');
});

test('a price splits into whole and decimals', () => {
  expect(priceParts(148236.4)).toEqual({ whole: '148,236', fraction: '.40' });
  expect(priceParts(null)).toEqual({ whole: MISSING, fraction: '' });
});

test('a mid on half a tick is rounded half up', () => {
  expect(premium(4.825)).toBe('4.83');
  expect(premium(1.005)).toBe('1.01');
  expect(premium(0)).toBe('0.00');
});

test('counts are in full below ten thousand and compact above', () => {
  expect(compact(9_999)).toBe('9,999');
  expect(compact(38_100)).toBe('38.1K');
  expect(compact(1_900_000)).toBe('1.9M');
  expect(compact(1_870_000_000)).toBe('1.87B');
  expect(compact(2_500_000_000_000)).toBe('2.50T');
});

test('strikes print as many decimals as they have', () => {
  expect(strike(195)).toBe('195');
  expect(strike(187.5)).toBe('187.5');
  expect(strike(6125)).toBe('6,125');
  expect(strike(12.125)).toBe('12.125');
});

test('axis labels are as precise as their grid', () => {
  expect(axis(180, 10)).toBe('180');
  expect(axis(0.25, 0.25)).toBe('0.3');
  expect(axis(0.25, 0.05)).toBe('0.25');
});

test('ages grow coarser with time and never negative', () => {
  expect(age(-500)).toBe('0.0 s');
  expect(age(600)).toBe('0.6 s');
  expect(age(24_900)).toBe('24 s');
  expect(age(4 * 60_000)).toBe('4 min');
  expect(age((18 * 60 + 42) * 60_000)).toBe('18 h 42 m');
  expect(age(3 * 3_600_000)).toBe('3 h');
  expect(age(50 * 3_600_000)).toBe('2 d');
});

test('direction follows what is printed', () => {
  expect([direction(1), direction(-1), direction(0.001)]).toEqual([1, -1, 0]);
  expect(percent(0.421)).toBe('42.1%');
});
