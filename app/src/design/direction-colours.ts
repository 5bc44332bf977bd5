/** The pair of colours for up and down a person chose, laid over the palette. Pure. */
import { colors, direction } from '@/design/tokens';

type Widen<T> = T extends string
  ? string
  : T extends readonly unknown[]
    ? readonly string[]
    : { readonly [K in keyof T]: Widen<T[K]> };
export type Palette = Widen<(typeof colors)['dark']>;

export const PAIRS = ['teal_orange', 'green_red', 'blue_orange'] as const;
export type Pair = (typeof PAIRS)[number];

export function isPair(value: unknown): value is Pair {
  return PAIRS.some((pair) => pair === value);
}

const TOKENS = { green_red: direction.classic, blue_orange: direction.blueOrange } as const;

function channels(hex: string): number[] {
  return [1, 3, 5].map((from) => Number.parseInt(hex.slice(from, from + 2), 16));
}

/** `share` of `ink` laid over `ground`. */
export function mixed(ink: string, ground: string, share: number): string {
  const under = channels(ground);
  const parts = channels(ink).map((value, at) =>
    Math.round(value * share + (under[at] ?? 0) * (1 - share)),
  );
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`.toUpperCase();
}

/** Shares that give tints and flashes as far from the ground as those of the usual pair. */
const SHARES = {
  dark: { fill: 0.8, tint: 0.16, flash: 0.27 },
  light: { fill: 0.86, tint: 0.12, flash: 0.2 },
} as const;

function side(ink: string, palette: Palette, shares: (typeof SHARES)['dark' | 'light']) {
  const over = (share: number) => mixed(ink, palette.surface.s1, share);
  return {
    base: ink,
    fill: over(shares.fill),
    tint: over(shares.tint),
    flash: over(shares.flash),
  };
}

export function paletteOf(scheme: 'dark' | 'light', pair: Pair): Palette {
  const palette: Palette = colors[scheme];
  if (pair === 'teal_orange') return palette;
  const { up, down } = TOKENS[pair][scheme];
  const shares = SHARES[scheme];
  return { ...palette, up: side(up, palette, shares), down: side(down, palette, shares) };
}
