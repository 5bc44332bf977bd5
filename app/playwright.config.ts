import { defineConfig } from '@playwright/test';

/**
 * The browser tests run against a server that serves the built app: `OPTIX_E2E_URL` says where it
 * is, `OPTIX_CHROMIUM` which browser to use (none: Playwright's own).
 */
export default defineConfig({
  testDir: './e2e',
  timeout: 45_000,
  expect: { timeout: 15_000 },
  fullyParallel: true,
  workers: Number(process.env.OPTIX_E2E_WORKERS ?? 1),
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
