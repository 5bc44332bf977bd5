/** Where things of the chart stand, in points of its frame. Pure. */
import type { Candle, Cone } from '@/features/symbol/model';
import { exchangeTime, monthTick, shortDate } from '@/lib/dates';
import { ticks } from '@/lib/market-math';

export interface Frame {
  width: number;
  height: number;
}

export interface Plot {
  /** Right end of the plot; the price axis is to the right of it. */
  right: number;
  top: number;
  bottom: number;
  volumeTop: number;
  volumeBottom: number;
  slot: number;
  body: number;
  low: number;
  high: number;
  volumeMax: number;
  grid: { values: number[]; step: number };
  x: (index: number) => number;
  y: (price: number) => number;
}

export const AXIS_WIDTH = 58;
export const TIME_HEIGHT = 22;
const VOLUME_HEIGHT = 34;
const GAP = 14;
const PAD = 16;
const CANDLE_SLOT_MIN = 3;

/** Extent of prices with the cone and a little air, never of zero height. */
export function extent(
  candles: readonly Candle[],
  cone: Cone | null,
  spot: number | null,
): [number, number] {
  let low = Math.min(...candles.map((candle) => candle.low));
  let high = Math.max(...candles.map((candle) => candle.high));
  if (cone !== null && spot !== null) {
    low = Math.min(low, spot - cone.move);
    high = Math.max(high, spot + cone.move);
  }
  const air = (high - low || Math.abs(high) * 0.02 || 1) * 0.04;
  return [low - air, high + air];
}

export function plotOf(
  frame: Frame,
  candles: readonly Candle[],
  cone: Cone | null,
  spot: number | null,
): Plot {
  const hasVolume = candles.some((candle) => candle.volume !== null && candle.volume > 0);
  const right = frame.width - AXIS_WIDTH;
  const volumeBottom = frame.height - TIME_HEIGHT;
  const volumeTop = hasVolume ? volumeBottom - VOLUME_HEIGHT : volumeBottom;
  const top = PAD;
  const bottom = volumeTop - (hasVolume ? GAP : PAD / 2);
  const [low, high] = extent(candles, cone, spot);
  const slots = candles.length + (cone?.slots ?? 0) + 1;
  const slot = (right - 8) / Math.max(2, slots);
  return {
    right,
    top,
    bottom,
    volumeTop,
    volumeBottom,
    slot,
    body: Math.max(1, Math.min(9, slot * 0.66)),
    low,
    high,
    volumeMax: Math.max(1, ...candles.map((candle) => candle.volume ?? 0)),
    grid: ticks(low, high, 4),
    x: (index) => 8 + (index + 0.5) * slot,
    y: (price) => bottom - ((price - low) / (high - low)) * (bottom - top),
  };
}

/** Too many bars for bodies: a line of closes reads better. */
export function drawsLine(plot: Plot): boolean {
  return plot.slot < CANDLE_SLOT_MIN;
}

/** The cone's outline: S ± move·√(elapsed share of the time to expiry). */
export function coneEdge(plot: Plot, from: number, cone: Cone, spot: number, sign: 1 | -1): string {
  const steps = 24;
  const points: string[] = [];
  for (let step = 0; step <= steps; step += 1) {
    const share = step / steps;
    const x = plot.x(from) + share * cone.slots * plot.slot;
    const y = plot.y(spot + sign * cone.move * Math.sqrt(share));
    points.push(`${x.toFixed(1)} ${y.toFixed(1)}`);
  }
  return points.join(' L');
}

export interface TimeTick {
  x: number;
  text: string;
}

const TICK_GAP = 58;

function label(candle: Candle, before: Candle | undefined, intraday: boolean): string | null {
  const newDate = before === undefined || before.date !== candle.date;
  if (intraday) {
    if (newDate && before !== undefined) return shortDate(candle.date);
    const time = exchangeTime(candle.at, false);
    return time.endsWith(':00') || time.endsWith(':30') ? time : null;
  }
  const newMonth = before !== undefined && before.date.slice(0, 7) !== candle.date.slice(0, 7);
  return newMonth ? monthTick(candle.date) : null;
}

/** Labels of the time axis, thinned so that they never touch each other or the cone's date. */
export function timeTicks(
  plot: Plot,
  candles: readonly Candle[],
  intraday: boolean,
  end: number,
): TimeTick[] {
  const found: TimeTick[] = [];
  candles.forEach((candle, index) => {
    const text = label(candle, candles[index - 1], intraday);
    const x = plot.x(index);
    const previous = found[found.length - 1];
    if (text === null || x < 20 || x > end - TICK_GAP / 2) return;
    if (previous === undefined || x - previous.x >= TICK_GAP) found.push({ x, text });
  });
  return found;
}

/** The bar under a finger or pointer. */
export function barAt(plot: Plot, count: number, x: number): number | null {
  if (count === 0) return null;
  return Math.max(0, Math.min(count - 1, Math.round((x - 8) / plot.slot - 0.5)));
}
