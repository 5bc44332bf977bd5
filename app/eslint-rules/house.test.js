// Each house rule trips on a planted violation and lets the proper form pass.
const { RuleTester } = require('eslint');

const { rules } = require('./index.cjs');

const tester = new RuleTester({
  languageOptions: {
    ecmaVersion: 2022,
    sourceType: 'module',
    parserOptions: { ecmaFeatures: { jsx: true } },
  },
});
const long = (lines, body = 'run();') => Array.from({ length: lines }, () => body).join('\n');
const at = (filename) => (code) => ({ code, filename });
const feature = at('/x/src/features/markets/row.tsx');
const design = at('/x/src/design/row.tsx');

const cases = {
  'tokens-only': {
    valid: [feature('const a = "#1 choice";'), design('const a = "#FFFFFF";')],
    invalid: [feature('const a = "#FFFFFF";'), feature('const a = "rgba(1,2,3,0.4)";')],
  },
  'own-primitives': {
    valid: [
      feature('import { StyleSheet } from "react-native";'),
      design('import { View } from "react-native";'),
    ],
    invalid: [feature('import { View } from "react-native";')],
  },
  'strings-in-i18n': {
    valid: [feature('const a = <Text label={t("a")}>{t("b")} · 3d</Text>;')],
    invalid: [
      feature('const a = <Text>Hello there</Text>;'),
      feature('const a = <Field label="Name" />;'),
    ],
  },
  'kebab-case': {
    valid: [
      feature('run();'),
      at('/x/src/app/[symbol].tsx')('run();'),
      at('/x/src/lib/a-b.web.ts')('run();'),
    ],
    invalid: [at('/x/src/lib/aB.ts')('run();')],
  },
  'no-barrels': {
    valid: [at('/x/src/app/index.tsx')('run();')],
    invalid: [at('/x/src/lib/index.ts')('run();'), at('/x/src/lib/a.ts')('export * from "b";')],
  },
  'routes-reexport': {
    valid: [at('/x/src/app/you.tsx')('export { A as default } from "@/shell/a";')],
    invalid: [at('/x/src/app/you.tsx')('export default function A() {}')],
  },
  'file-length': {
    valid: [feature(`// ${'x\n// '.repeat(300)}\n${long(250)}`)],
    invalid: [feature(long(251))],
  },
  'function-length': {
    valid: [feature(`function a() {\n${long(68)}\n}`)],
    invalid: [feature(`function a() {\n${long(69)}\n}`)],
  },
  layers: {
    valid: [
      feature('import a from "@/design/text";'),
      feature('import a from "@/features/markets/b";'),
    ],
    invalid: [
      feature('import a from "@/features/chain/b";'),
      feature('import a from "@/shell/b";'),
      design('import a from "@/stream/b";'),
      feature('import a from "./b";'),
    ],
  },
};

test('every rule has cases', () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(rules).sort());
});

for (const [name, { valid, invalid }] of Object.entries(cases)) {
  tester.run(name, rules[name], {
    valid,
    invalid: invalid.map((each) => ({ ...each, errors: 1 })),
  });
}

test.each(Object.entries(rules))('%s tells the remedy', (_name, rule) => {
  for (const message of Object.values(rule.meta.messages))
    expect(message.length).toBeGreaterThan(40);
});
