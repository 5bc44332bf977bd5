// Geometry of a known frame: where bars, cone and labels stand.
import {
  AXIS_WIDTH,
  barAt,
  coneEdge,
  drawsLine,
  extent,
  plotOf,
  timeTicks,
} from '@/features/symbol/chart-model';
import type { Candle } from '@/features/symbol/model';
import { addDays, dateMs } from '@/lib/dates';

const candle = (date: string, close: number, at = dateMs(date)): Candle => ({
  at,
  date,
  open: close,
  high: close + 2,
  low: close - 2,
  close,
  volume: 50,
});
const days = (count: number, from = '2026-10-20') =>
  Array.from({ length: count }, (_, index) => candle(addDays(from, index), 100 + (index % 5)));
const frame = { width: 390, height: 270 };
const cone = { date: '2026-12-18', days: 28, move: 20, slots: 20 };

test('prices and cone both fit, with air', () => {
  const [low, high] = extent(days(10), cone, 104);
  expect(low).toBeLessThan(84);
  expect(high).toBeGreaterThan(124);
  const flat = extent([{ ...candle('2026-10-20', 100), high: 100, low: 100 }], null, null);
  expect(flat[1]).toBeGreaterThan(flat[0]);
  const zero = extent([{ ...candle('2026-10-20', 0), high: 0, low: 0 }], null, null);
  expect(zero[1]).toBeGreaterThan(zero[0]);
});

test('the plot leaves room for the price axis and volume, and y falls as prices rise', () => {
  const plot = plotOf(frame, days(40), cone, 104);
  expect(plot.right).toBe(390 - AXIS_WIDTH);
  expect(plot.y(plot.high)).toBeCloseTo(plot.top, 6);
  expect(plot.y(plot.low)).toBeCloseTo(plot.bottom, 6);
  expect(plot.bottom).toBeLessThan(plot.volumeTop);
  expect(plot.x(39 + 20)).toBeLessThanOrEqual(plot.right);
});

test('an index without volume uses the room', () => {
  const mute = days(40).map((each) => ({ ...each, volume: null }));
  expect(plotOf(frame, mute, null, null).bottom).toBeGreaterThan(
    plotOf(frame, days(40), null, null).bottom,
  );
});

test('many bars become a line', () => {
  expect(drawsLine(plotOf(frame, days(40), null, null))).toBe(false);
  expect(drawsLine(plotOf(frame, days(250), null, null))).toBe(true);
});

test('the cone opens with the square root of time', () => {
  const plot = plotOf(frame, days(10), cone, 104);
  const points = coneEdge(plot, 9, cone, 104, 1)
    .split(' L')
    .map((pair) => pair.split(' ').map(Number));
  const rise = (index: number) => plot.y(104) - (points[index]?.[1] ?? 0);
  expect(rise(0)).toBeCloseTo(0, 0);
  expect(rise(6) / rise(24)).toBeCloseTo(0.5, 1);
});

test('months name the daily axis, and labels keep their distance', () => {
  const plot = plotOf(frame, days(60), null, null);
  const marks = timeTicks(plot, days(60), false, plot.right);
  expect(marks.map((mark) => mark.text)).toEqual(['Nov', 'Dec']);
  const crowded = timeTicks(plotOf(frame, days(250), null, null), days(250), false, 330);
  for (let index = 1; index < crowded.length; index += 1) {
    expect((crowded[index]?.x ?? 0) - (crowded[index - 1]?.x ?? 0)).toBeGreaterThanOrEqual(58);
  }
});

test('an intraday axis has times, and dates where the day changes', () => {
  const open = Date.parse('2026-11-20T14:30:00Z');
  const bars = Array.from({ length: 80 }, (_, index) =>
    candle(index < 40 ? '2026-11-19' : '2026-11-20', 100, open + index * 300_000),
  );
  const texts = timeTicks(plotOf(frame, bars, null, null), bars, true, 330).map(
    (mark) => mark.text,
  );
  expect(texts.some((text) => /^\d\d:[03]0$/.test(text))).toBe(true);
  expect(texts.some((text) => text.startsWith('Nov 20'))).toBe(true);
});

test('a finger finds the nearest bar and never leaves the bars', () => {
  const plot = plotOf(frame, days(40), null, null);
  expect(barAt(plot, 40, plot.x(7))).toBe(7);
  expect(barAt(plot, 40, -100)).toBe(0);
  expect(barAt(plot, 40, 9_999)).toBe(39);
  expect(barAt(plot, 0, 5)).toBeNull();
});
