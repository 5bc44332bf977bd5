// tokens.ts is generated: it must say what tokens.json says.
import source from '@/design/tokens.json';
import * as tokens from '@/design/tokens';

test('the generated tokens are those of the source', () => {
  expect(tokens.colors.dark).toEqual(source.color.dark);
  expect(tokens.colors.light).toEqual(source.color.light);
  expect(tokens.radius).toEqual(source.radius);
  expect(tokens.touch).toEqual(source.touch);
  expect(tokens.breakpoints).toEqual(source.breakpoints);
  expect(tokens.type.hero).toMatchObject({ size: source.font.scale.hero.size, numeric: true });
});

test('dark and light have the same roles', () => {
  const shape = (value: unknown): unknown =>
    typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shape(each)]))
      : typeof value;
  expect(shape(tokens.colors.light)).toEqual(shape(tokens.colors.dark));
});
