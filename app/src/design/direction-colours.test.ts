import { isPair, mixed, paletteOf } from '@/design/direction-colours';
import { colors, direction } from '@/design/tokens';

test('the usual pair is the palette itself', () => {
  expect(paletteOf('dark', 'teal_orange')).toBe(colors.dark);
});

test('another pair changes the colours of direction and no other', () => {
  const { up, down, ...rest } = paletteOf('light', 'green_red');
  const { up: usualUp, down: usualDown, ...usualRest } = colors.light;
  expect(rest).toEqual(usualRest);
  expect([up.base, down.base]).toEqual([direction.classic.light.up, direction.classic.light.down]);
  expect([up.base, down.base]).not.toEqual([usualUp.base, usualDown.base]);
});

test('mixing goes from the ground to the ink', () => {
  expect(mixed('#FF8000', '#000000', 0)).toBe('#000000');
  expect(mixed('#FF8000', '#000000', 1)).toBe('#FF8000');
  expect(mixed('#FFFFFF', '#000000', 0.5)).toBe('#808080');
});

test('only known pairs are pairs', () => {
  expect(['blue_orange', 'pink', null].map(isPair)).toEqual([true, false, false]);
});
