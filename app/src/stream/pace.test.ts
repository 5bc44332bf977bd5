// A clock moved by hand: what is asked for in each situation, and how complaints pass.
import { HIDDEN_MS, intervalOf, Pace, RECOVER_MS, SAVER_MS, SHOWN_MS } from '@/stream/pace';

function setUp() {
  const asked: number[] = [];
  const timers: { run: () => void; live: boolean }[] = [];
  const pace = new Pace(
    (run) => {
      const timer = { run, live: true };
      timers.push(timer);
      return () => {
        timer.live = false;
      };
    },
    (ms) => asked.push(ms),
  );
  const pass = () => {
    for (const timer of timers.splice(0)) if (timer.live) timer.run();
  };
  return { pace, asked, pass };
}

test('what is on the screen is asked for often, what is not seldom', () => {
  expect(intervalOf({ visible: true, saver: false }, 0)).toBe(SHOWN_MS);
  expect(intervalOf({ visible: true, saver: true }, 0)).toBe(SAVER_MS);
  expect(intervalOf({ visible: false, saver: false }, 0)).toBe(HIDDEN_MS);
  expect(intervalOf({ visible: false, saver: true }, 0)).toBe(HIDDEN_MS);
});

test('only a change of the interval is told', () => {
  const { pace, asked } = setUp();
  pace.see({ visible: true });
  pace.see({ visible: false });
  pace.see({ saver: true });
  pace.see({ visible: true });
  expect(asked).toEqual([HIDDEN_MS, SAVER_MS]);
});

test('each complaint doubles the interval up to the longest, and quiet takes it back in steps', () => {
  const { pace, asked, pass } = setUp();
  for (let complaint = 0; complaint < 9; complaint += 1) pace.slower();
  expect(asked).toEqual([500, 1_000, 2_000]);
  pass();
  expect(asked.at(-1)).toBe(1_000);
  pace.slower();
  expect(pace.intervalMs).toBe(2_000);
  for (let quiet = 0; quiet < 5; quiet += 1) pass();
  expect(asked.slice(-3)).toEqual([1_000, 500, SHOWN_MS]);
  expect(RECOVER_MS).toBeGreaterThan(HIDDEN_MS);
});

test('after a rest nothing is held against anybody', () => {
  const { pace, pass } = setUp();
  pace.slower();
  pace.rest();
  pass();
  expect(pace.intervalMs).toBe(SHOWN_MS);
});
