// Writes src/design/tokens.ts from src/design/tokens.json, so that every token has a type.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const tokens = JSON.parse(readFileSync(here('../src/design/tokens.json'), 'utf8'));
const { dark, light } = tokens.color;

const type = {};
for (const [name, spec] of Object.entries(tokens.font.scale)) {
  const { use: _use, ...rest } = spec;
  type[name] = { numeric: false, ...rest };
}
const space = Object.fromEntries(
  Object.entries(tokens.space).filter(([name]) => /^s\d+$|^gutter/.test(name)),
);
const motion = { ...tokens.motion.duration, easing: tokens.motion.easing };
const values = {
  colors: { dark, light },
  direction: tokens.directionCues.pairs,
  type,
  space,
  radius: tokens.radius,
  border: tokens.border,
  elevation: tokens.elevation,
  motion,
  touch: tokens.touch,
  breakpoints: tokens.breakpoints,
  layout: tokens.layout,
};

const lines = [
  '// Written by scripts/gen-tokens.mjs from tokens.json. Change that file, then run `npm run gen`.',
];
for (const [name, value] of Object.entries(values)) {
  lines.push(`export const ${name} = ${JSON.stringify(value, null, 2)} as const;`, '');
}
writeFileSync(here('../src/design/tokens.ts'), lines.join('\n'));
