/** Which rows of a long list are drawn, and how it keeps its place when rows change. Pure. */

export interface Sized {
  key: string;
  height: number;
}

/** Top of every row; the last entry is the height of all. */
export function offsetsOf(items: readonly Sized[]): number[] {
  const offsets = [0];
  for (const item of items) offsets.push((offsets[offsets.length - 1] ?? 0) + item.height);
  return offsets;
}

/** Index of the row at `y`, by bisection. */
export function rowAt(offsets: readonly number[], y: number): number {
  let low = 0;
  let high = Math.max(0, offsets.length - 2);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((offsets[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

const OVERSCAN = 0.5;

/** First and last row to draw, with half a view of overscan on both sides. */
export function windowOf(
  offsets: readonly number[],
  top: number,
  viewport: number,
): [number, number] {
  const over = OVERSCAN * viewport;
  return [rowAt(offsets, Math.max(0, top - over)), rowAt(offsets, top + viewport + over)];
}

/** How far to scroll so that the row at the top of the view stays where it is after a change. */
export function shiftToKeep(
  before: readonly Sized[],
  after: readonly Sized[],
  top: number,
): number {
  const old = offsetsOf(before);
  const fresh = offsetsOf(after);
  const places = new Map(after.map((item, index) => [item.key, index]));
  for (let index = rowAt(old, top); index < before.length; index += 1) {
    const place = places.get(before[index]?.key ?? '');
    if (place !== undefined) return (fresh[place] ?? 0) - (old[index] ?? 0);
  }
  return 0;
}
