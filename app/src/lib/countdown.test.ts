import { clockWords, secondsLeft } from '@/lib/countdown';

test('seconds are counted up to the end and no further', () => {
  expect([0, 1, 999, 1_000, 60_000].map((endsAt) => secondsLeft(endsAt, 0))).toEqual([
    0, 1, 1, 1, 60,
  ]);
  expect(secondsLeft(0, 5_000)).toBe(0);
});

test('a clock has minutes and two digits of seconds', () => {
  expect([0, 5, 65, 1_800].map(clockWords)).toEqual(['0:00', '0:05', '1:05', '30:00']);
});
