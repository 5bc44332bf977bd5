// Known answers by hand, and the inputs for which no answer exists.
import {
  change,
  changeFraction,
  middle,
  movesInSigmas,
  nearestMonthly,
  priceOf,
  realisedVol,
  ticks,
} from '@/lib/market-math';

test('realised volatility is the annualised deviation of log returns', () => {
  const closes = [100, 101, 100, 101, 100];
  const step = Math.log(1.01);
  const expected = Math.sqrt(((4 * step * step) / 3) * 252);
  expect(realisedVol(closes, 4)).toBeCloseTo(expected, 10);
});

test('too few or impossible closes have no volatility', () => {
  expect(realisedVol([100, 101], 4)).toBeNull();
  expect(realisedVol([100, 0, 100], 2)).toBeNull();
  expect(realisedVol([], 4)).toBeNull();
});

test('a move is counted in expected daily moves', () => {
  const vol = 0.01 * Math.sqrt(252);
  expect(movesInSigmas(102, 100, vol)).toBeCloseTo(2, 10);
  expect(movesInSigmas(102, 100, null)).toBeNull();
  expect(movesInSigmas(102, 0, vol)).toBeNull();
  expect(movesInSigmas(102, 100, 0)).toBeNull();
});

test('changes need both ends', () => {
  expect(change(102, 100)).toBe(2);
  expect(change(null, 100)).toBeNull();
  expect(changeFraction(102, 100)).toBeCloseTo(0.02, 12);
  expect(changeFraction(102, 0)).toBeNull();
});

test('the price is the last trade, else the middle of a two-sided quote', () => {
  expect(priceOf(5, 1, 2)).toBe(5);
  expect(priceOf(null, 1, 2)).toBe(1.5);
  expect(priceOf(null, 0, 2)).toBeNull();
  expect(middle(1, null)).toBeNull();
});

const date = (days: number, cycle: string) => ({ date: `d${days}`, days, cycle });

test('a chain opens with the nearest monthly a week or more away', () => {
  const list = [date(0, 'monthly'), date(2, 'monthly'), date(9, 'weekly'), date(30, 'monthly')];
  expect(nearestMonthly(list)?.days).toBe(30);
});

test('without a monthly it opens with the nearest date that is left', () => {
  expect(nearestMonthly([date(0, 'weekly'), date(3, 'weekly')])?.days).toBe(3);
  expect(nearestMonthly([date(0, 'weekly')])?.days).toBe(0);
  expect(nearestMonthly([date(-2, 'weekly')])?.days).toBe(-2);
  expect(nearestMonthly([])).toBeNull();
});

test('grid lines stand at round values inside the range', () => {
  expect(ticks(163, 207, 4)).toEqual({ values: [180, 200], step: 20 });
  expect(ticks(0, 1, 4).values).toEqual([0, 0.25, 0.5, 0.75, 1]);
  expect(ticks(5, 5, 4)).toEqual({ values: [], step: 1 });
});
