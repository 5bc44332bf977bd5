// A hand-driven clock and frame: what is shown when, and who hears of it.
import { act, renderHook } from '@testing-library/react-native';

import { FLUSH_MS, TickStore, useTick, type Frames } from '@/stream/tick-store';

class Hand implements Frames {
  time = 0;
  frames: (() => void)[] = [];
  timers: { at: number; run: () => void }[] = [];
  request = (callback: () => void) => {
    this.frames.push(callback);
  };
  now = () => this.time;
  later = (run: () => void, ms: number) => {
    this.timers.push({ at: this.time + ms, run });
  };
  frame() {
    for (const run of this.frames.splice(0)) run();
  }
  advance(ms: number) {
    this.time += ms;
    const due = this.timers.filter((timer) => timer.at <= this.time);
    this.timers = this.timers.filter((timer) => timer.at > this.time);
    for (const timer of due) timer.run();
  }
}

function setUp() {
  const hand = new Hand();
  return { hand, store: new TickStore<number>(hand) };
}

test('a value is shown in the next frame, and only its own readers hear of it', () => {
  const { hand, store } = setUp();
  const mine = jest.fn();
  const other = jest.fn();
  store.subscribe('SPY', mine);
  store.subscribe('QQQ', other);
  store.put('SPY', 1);
  expect(store.get('SPY')).toBeUndefined();
  expect(store.newest('SPY')).toBe(1);
  hand.frame();
  expect(store.get('SPY')).toBe(1);
  expect(mine).toHaveBeenCalledTimes(1);
  expect(other).not.toHaveBeenCalled();
});

test('many ticks within one interval are one notice of the newest', () => {
  const { hand, store } = setUp();
  const heard = jest.fn();
  store.subscribe('SPY', heard);
  store.put('SPY', 1);
  hand.frame();
  for (let value = 2; value < 50; value += 1) store.put('SPY', value);
  hand.frame();
  expect(store.get('SPY')).toBe(1);
  hand.advance(FLUSH_MS);
  hand.frame();
  expect(store.get('SPY')).toBe(49);
  expect(heard).toHaveBeenCalledTimes(2);
});

test('a seed never overwrites a tick, shown or waiting', () => {
  const { hand, store } = setUp();
  store.put('SPY', 2);
  store.seed('SPY', 1);
  hand.frame();
  store.seed('SPY', 1);
  store.seed('QQQ', 5);
  hand.advance(FLUSH_MS);
  hand.frame();
  expect([store.get('SPY'), store.get('QQQ')]).toEqual([2, 5]);
});

test('who left hears nothing more', () => {
  const { hand, store } = setUp();
  const heard = jest.fn();
  const leave = store.subscribe('SPY', heard);
  store.subscribe('SPY', () => undefined)();
  leave();
  store.put('SPY', 1);
  hand.frame();
  expect(heard).not.toHaveBeenCalled();
});

test('clearing forgets everything and says so', () => {
  const { hand, store } = setUp();
  const heard = jest.fn();
  store.put('SPY', 1);
  store.put('QQQ', 1);
  hand.frame();
  store.subscribe('SPY', heard);
  store.put('SPY', 2);
  store.clear();
  hand.advance(FLUSH_MS);
  hand.frame();
  expect(store.get('SPY')).toBeUndefined();
  expect(heard).toHaveBeenCalledTimes(1);
});

test('a component reads its own key and follows it', () => {
  const { hand, store } = setUp();
  const { result, rerender } = renderHook((props: { of: string }) => useTick(store, props.of), {
    initialProps: { of: 'SPY' },
  });
  expect(result.current).toBeUndefined();
  act(() => {
    store.put('SPY', 7);
    store.put('QQQ', 9);
    hand.frame();
  });
  expect(result.current).toBe(7);
  rerender({ of: 'QQQ' });
  expect(result.current).toBe(9);
});

test('the default frames are the browser’s', () => {
  jest.useFakeTimers();
  const store = new TickStore<number>();
  store.put('SPY', 1);
  jest.advanceTimersByTime(50);
  expect(store.get('SPY')).toBe(1);
  store.put('SPY', 2);
  jest.advanceTimersByTime(FLUSH_MS + 50);
  expect(store.get('SPY')).toBe(2);
  jest.useRealTimers();
});
