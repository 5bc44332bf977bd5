// A ladder of 301 strikes: the window holds what is shown with some to spare, and only grows.
import { FIRST_WINDOW, strikesOf, windowFor } from '@/features/chain/strike-window-model';

const strikes = Array.from({ length: 301 }, (_, index) => 450 + index);

test('strikes are listed once, in order', () => {
  const of = (strike: number) =>
    ({ key: '', root: '', right: 'C', strike, openInterest: null, previousClose: null }) as const;
  expect(strikesOf([of(5), of(2.5), of(5)])).toEqual([2.5, 5]);
});

test('a first look is within the first window', () => {
  expect(windowFor(strikes, 600.5, { from: 590, to: 611 }, FIRST_WINDOW)).toBe(20);
});

test('who scrolls up or down gets the next window before the end of this one', () => {
  expect(windowFor(strikes, 600.5, { from: 583, to: 605 }, 20)).toBe(40);
  expect(windowFor(strikes, 600.5, { from: 598, to: 617 }, 20)).toBe(40);
  expect(windowFor(strikes, 600.5, { from: 540, to: 560 }, 20)).toBe(80);
});

test('far out the whole chain is followed, and it stays so', () => {
  expect(windowFor(strikes, 600.5, { from: 500, to: 520 }, 20)).toBeNull();
  expect(windowFor(strikes, 600.5, { from: 599, to: 602 }, null)).toBeNull();
});

test('it never shrinks, and without a price nothing is known of the money', () => {
  expect(windowFor(strikes, 600.5, { from: 599, to: 602 }, 80)).toBe(80);
  expect(windowFor(strikes, null, { from: 500, to: 502 }, 20)).toBe(20);
});
