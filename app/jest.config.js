module.exports = {
  preset: 'jest-expo',
  // Ends what hangs, no more: the first test of a file pays for what it loads.
  testTimeout: 60_000,
  setupFiles: ['./jest.setup.js'],
  testMatch: ['<rootDir>/src/**/*.test.{ts,tsx}', '<rootDir>/eslint-rules/**/*.test.js'],
  moduleNameMapper: { '^@/(.*)$': '<rootDir>/src/$1', '\\.woff2$': '<rootDir>/assets/icon.png' },
  transform: { '\\.mjs$': 'babel-jest' },
  transformIgnorePatterns: [
    'node_modules/(?!((jest-)?react-native|@react-native(-community)?|expo(nent)?|@expo(nent)?/.*|@expo-google-fonts/.*|react-navigation|@react-navigation/.*|openapi-.*|lucide-react-native|react-native-svg|standard-navigation))',
  ],
  collectCoverageFrom: [
    'src/**/model.ts',
    'src/**/*-model.ts',
    'src/features/chain/{columns,sentences}.ts',
    'src/lib/{account-input,base64url,dates,decimals,format,link-value,market-math,user-agent}.ts',
    'src/lib/passkey.web.ts',
    'src/design/{direction-colours,qr-path}.ts',
    'src/api/{session,failure,pending-registration,preferences,step-up}.ts',
    'src/stream/{backoff,binary,binary-rows,closing,comeback,connection,frames,freshness}.ts',
    'src/stream/{listing,live-events,pace,protocol,rows,subscription,subscriptions}.ts',
    'src/stream/{targets,tick-store,user-events,wire-format}.ts',
  ],
  coverageThreshold: { global: { statements: 100, branches: 95, functions: 100, lines: 100 } },
};
