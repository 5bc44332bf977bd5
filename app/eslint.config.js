const { defineConfig } = require('eslint/config');
const expo = require('eslint-config-expo/flat');

const house = require('./eslint-rules/index.cjs');

module.exports = defineConfig([
  expo,
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      '.expo/**',
      'src/api/generated.ts',
      'src/design/tokens.ts',
      'expo-env.d.ts',
    ],
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { house },
    rules: {
      ...Object.fromEntries(Object.keys(house.rules).map((name) => [`house/${name}`, 'error'])),
      '@typescript-eslint/no-explicit-any': 'error',
      'no-console': 'error',
    },
  },
  // Long tables of cases are easier to read in one place.
  {
    files: ['src/**/*.test.{ts,tsx}', 'e2e/**'],
    rules: {
      'house/function-length': 'off',
      'house/file-length': 'off',
      'house/own-primitives': 'off',
    },
  },
  { files: ['e2e/**'], plugins: { house } },
  {
    files: ['**/*.test.js', 'jest.setup.js'],
    languageOptions: { globals: { test: 'readonly', expect: 'readonly', jest: 'readonly' } },
  },
]);
