import { expect, test } from '@playwright/test';

import { cells } from './steps';

test('a live chain is at most three taps from the first page', async ({ page }) => {
  let taps = 0;
  const tap = async (testId: string) => {
    await page.locator(`[data-testid^="${testId}"]`).first().tap();
    taps += 1;
  };
  await page.goto('/');
  await tap('try-it');
  await expect(page.locator('[data-testid^="quote-"]').first()).toContainText(/\d\.\d\d/);
  await tap('quote-');
  await tap('open-chain');
  await expect(page.getByTestId('money-line')).toBeVisible();
  await expect(cells(page).first()).toContainText(/\d\.\d\d/);
  expect(taps).toBeLessThanOrEqual(3);
});

test('no page, font or script asks an outside host', async ({ page, baseURL }) => {
  const outside: string[] = [];
  const home = new URL(baseURL ?? '').host;
  const note = (url: string) => {
    const { protocol, host } = new URL(url);
    if (/^(http|ws)s?:$/.test(protocol) && host !== home) outside.push(url);
  };
  page.on('request', (request) => note(request.url()));
  page.on('websocket', (socket) => note(socket.url()));
  await page.goto('/');
  await page.getByTestId('try-it').tap();
  await page.locator('[data-testid^="quote-"]').first().tap();
  await page.getByTestId('open-chain').tap();
  await expect(cells(page).first()).toBeVisible();
  await page.goto('/you');
  await expect(page.getByTestId('feed-card')).toBeVisible();
  expect(outside).toEqual([]);
});

test('Inter is there, and figures keep their width', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByTestId('welcome')).toBeVisible();
  await page.waitForFunction(() => document.fonts.check("16px 'Inter Variable'"));
  const loaded = await page.evaluate(async () => {
    await document.fonts.ready;
    return [...document.fonts]
      .filter((face) => face.status === 'loaded')
      .map((face) => face.family);
  });
  expect(loaded.some((family) => family.includes('Inter Variable'))).toBe(true);
});
