import { defineConfig } from '@playwright/test';

/**
 * The browser tests run against a server that serves the built app: `OPTIX_E2E_URL` says where it
 * is, `OPTIX_CHROMIUM` which browser to use (none: Playwright's own).
 */
export default defineConfig({
  testDir: './e2e',
  // Bounds that only end what would never pass: a busy machine may be ten times slower.
  timeout: 240_000,
  expect: { timeout: 60_000 },
  fullyParallel: true,
  workers: Number(process.env.OPTIX_E2E_WORKERS ?? 2),
  // A test that passes the second time is printed as "flaky", and tools/verify.py repeats its name.
  retries: process.env.CI ? 1 : 0,
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list']],
  outputDir: './test-results',
  use: {
    baseURL: process.env.OPTIX_E2E_URL ?? 'http://localhost:8000',
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    hasTouch: true,
    isMobile: true,
    screenshot: 'only-on-failure',
    trace: 'off',
    launchOptions: {
      executablePath: process.env.OPTIX_CHROMIUM || undefined,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
