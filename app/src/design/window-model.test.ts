// Offsets by hand; the place at the top of the view must survive any change of rows.
import { offsetsOf, rowAt, shiftToKeep, windowOf, type Sized } from '@/design/window-model';

const rows = (keys: string, height = 10): Sized[] => [...keys].map((key) => ({ key, height }));

test('offsets add up and end with the whole height', () => {
  expect(
    offsetsOf([
      { key: 'a', height: 44 },
      { key: 'b', height: 28 },
    ]),
  ).toEqual([0, 44, 72]);
  expect(offsetsOf([])).toEqual([0]);
});

test('the row at a height is found, also beyond both ends', () => {
  const offsets = offsetsOf(rows('abcd'));
  expect([-5, 0, 9, 10, 39, 400].map((y) => rowAt(offsets, y))).toEqual([0, 0, 0, 1, 3, 3]);
  expect(rowAt([0], 5)).toBe(0);
});

test('what is drawn is the view and half a view around it', () => {
  const offsets = offsetsOf(rows('abcdefghijklmnopqrst'));
  expect(windowOf(offsets, 100, 20)).toEqual([9, 13]);
  expect(windowOf(offsets, 0, 20)).toEqual([0, 3]);
});

test('rows added above the view move the scroll by their height', () => {
  expect(shiftToKeep(rows('abcd'), rows('xyabcd'), 25)).toBe(20);
  expect(shiftToKeep(rows('abcd'), rows('abcdxy'), 25)).toBe(0);
});

test('when the row at the top is gone, the next one that stayed keeps its place', () => {
  expect(shiftToKeep(rows('abcd'), rows('bcd'), 5)).toBe(-10);
  expect(shiftToKeep(rows('abcd'), rows('abd'), 25)).toBe(-10);
  expect(shiftToKeep(rows('ab'), rows('xy'), 0)).toBe(0);
});
