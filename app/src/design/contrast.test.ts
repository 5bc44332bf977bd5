// WCAG contrast of every pair the design uses, computed from the tokens: text 4.5, graphics 3.
import { PAIRS, paletteOf, type Palette } from '@/design/direction-colours';

function channel(value: number): number {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function luminance(hex: string): number {
  const part = (from: number) => channel(Number.parseInt(hex.slice(from, from + 2), 16));
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

function textPairs(p: Palette): [string, string, string][] {
  const surfaces = { ...p.surface, itm: p.chain.itm, band: p.chain.band, strike: p.chain.strike };
  const inks = {
    primary: p.text.primary,
    secondary: p.text.secondary,
    tertiary: p.text.tertiary,
    accent: p.accent.base,
    up: p.up.base,
    down: p.down.base,
    warning: p.warning.base,
    danger: p.danger.base,
    stale: p.stale.base,
    simulated: p.simulated.base,
  };
  const pairs: [string, string, string][] = [];
  for (const [ink, color] of Object.entries(inks)) {
    for (const [surface, ground] of Object.entries(surfaces)) {
      if (surface !== 'scrim') pairs.push([`${ink} on ${surface}`, color, ground]);
    }
  }
  const tints = { warning: p.warning, danger: p.danger, stale: p.stale, simulated: p.simulated };
  for (const [name, tint] of Object.entries(tints)) {
    pairs.push([`${name} on its tint`, tint.base, tint.tint]);
    pairs.push([`secondary on ${name} tint`, p.text.secondary, tint.tint]);
  }
  return [
    ...pairs,
    ['accent on its tint', p.accent.base, p.accent.tint],
    ['onAccent on accent', p.text.onAccent, p.accent.fill],
    ['onAccent on pressed', p.text.onAccent, p.accent.pressed],
    ['onFill on up', p.text.onFill, p.up.base],
    ['onFill on down', p.text.onFill, p.down.base],
    ['onFill on stale', p.text.onFill, p.stale.base],
    ['primary on up flash', p.text.primary, p.up.flash],
    ['primary on down flash', p.text.primary, p.down.flash],
    ['up on its tint', p.up.base, p.up.tint],
    ['down on its tint', p.down.base, p.down.tint],
    ['up on its flash', p.up.base, p.up.flash],
    ['down on its flash', p.down.base, p.down.flash],
    ['pill on money line', p.surface.base, p.chain.atmLine],
    ['pill on stale line', p.surface.base, p.stale.base],
    ['axis on base', p.chart.axis, p.surface.base],
  ];
}

function graphicPairs(p: Palette): [string, string, string][] {
  return [
    ['control on s1', p.line.control, p.surface.s1],
    ['control on base', p.line.control, p.surface.base],
    ['focus on s1', p.line.focus, p.surface.s1],
    ['band edge on base', p.chain.bandEdge, p.surface.base],
    ['band edge on band', p.chain.bandEdge, p.chain.band],
    ['up fill on s1', p.up.fill, p.surface.s1],
    ['down fill on s1', p.down.fill, p.surface.s1],
    ...Object.entries(p.fresh).map(
      ([name, color]) =>
        [`${name} glyph on base`, color, p.surface.base] as [string, string, string],
    ),
    ...p.chart.series.map(
      (color, index) =>
        [`series ${index + 1} on s1`, color, p.surface.s1] as [string, string, string],
    ),
  ];
}

const palettes = (['dark', 'light'] as const).flatMap((scheme) =>
  PAIRS.map((pair) => [`${scheme}, ${pair}`, paletteOf(scheme, pair)] as const),
);

describe.each(palettes)('%s', (_name, palette) => {
  test.each(textPairs(palette))('text: %s', (_name, ink, ground) => {
    expect(contrast(ink, ground)).toBeGreaterThanOrEqual(4.5);
  });
  test.each(graphicPairs(palette))('graphic: %s', (_name, ink, ground) => {
    expect(contrast(ink, ground)).toBeGreaterThanOrEqual(3);
  });
});

test('the formula agrees with the known extremes', () => {
  expect(contrast('#000000', '#FFFFFF')).toBeCloseTo(21, 5);
  expect(contrast('#777777', '#777777')).toBe(1);
});
