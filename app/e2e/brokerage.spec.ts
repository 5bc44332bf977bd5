import { expect, test, type BrowserContext, type Page } from '@playwright/test';

import { newAddress, register, stepUpByPassword } from './steps';

/** What the product promises; the test prints what it took. */
const FIRST_POSITIONS_MS = 60_000;
const ORDER_SHOWN_MS = 30_000;

async function shot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `test-results/brokerage-${name}.png` });
}

/** From the empty portfolio through the paper brokerage's own page, back to what it holds. */
async function connectSandbox(page: Page): Promise<number> {
  await page.goto('/portfolio');
  const connect = page.getByRole('button', { name: 'Connect a brokerage' });
  await expect(connect).toBeVisible();
  await shot(page, 'empty');
  const began = Date.now();
  await connect.tap();
  const card = page.getByTestId('brokerage-sandbox');
  await expect(card).toBeVisible();
  await shot(page, 'gallery');
  await card.tap();
  await page.getByTestId('connect-go').tap();
  const allow = page.getByRole('button', { name: 'Allow', exact: true });
  const sheet = page.getByTestId('step-up');
  await expect(allow.or(sheet)).toBeVisible();
  if (await sheet.isVisible()) await stepUpByPassword(page);
  await expect(allow).toBeVisible();
  await shot(page, 'consent');
  await allow.tap();
  await expect(page.getByTestId('connection')).toBeVisible();
  await page.goto('/portfolio');
  await expect(page.locator('[data-testid^="position-"]').first()).toBeVisible();
  return Date.now() - began;
}

async function placePaperOrder(context: BrowserContext, symbol: string, quantity: number) {
  const desk = await context.newPage();
  await desk.goto('/sandbox');
  await desk.locator('input[name=symbol1]').fill(symbol);
  await desk.locator('input[name=quantity1]').fill(String(quantity));
  await desk.getByRole('button', { name: 'Place paper order' }).tap();
  await expect(desk.getByRole('status').first()).toContainText('filled');
  await desk.close();
}

test('a paper account is connected, and its next trade shows by itself', async ({
  page,
  context,
}) => {
  await register(page, newAddress('broker'));
  const connected = await connectSandbox(page);
  console.log(`positions ${(connected / 1000).toFixed(1)} s after the first tap`);
  expect(connected).toBeLessThan(FIRST_POSITIONS_MS);
  await expect(page.getByTestId('greeks-strip')).toBeVisible();
  await shot(page, 'portfolio');
  await page.getByTestId('open-history').tap();
  await expect(page.locator('[data-testid^="line-"]').first()).toBeVisible();
  await shot(page, 'history');

  await page.goto('/portfolio');
  const quantity = 137; // no line of the made-up history has it
  const before = await page.getByTestId('greek-0').innerText();
  await placePaperOrder(context, 'SPY', quantity);
  const began = Date.now();
  await expect(page.getByTestId('group-SPY')).toContainText(/\d sh/);
  await expect(page.getByTestId('greek-0')).not.toHaveText(before);
  await page.getByTestId('open-history').tap();
  await expect(page.getByText(new RegExp(`Bought ${quantity} SPY`))).toBeVisible();
  const shown = Date.now() - began;
  console.log(`paper order shown ${(shown / 1000).toFixed(1)} s after its fill`);
  expect(shown).toBeLessThan(ORDER_SHOWN_MS);
});

test('saying no at the brokerage connects nothing and says so', async ({ page }) => {
  await register(page, newAddress('denied'));
  await page.goto('/brokerages/add');
  await page.getByTestId('brokerage-sandbox').tap();
  await page.getByTestId('connect-go').tap();
  const deny = page.getByRole('button', { name: 'Do not allow' });
  const sheet = page.getByTestId('step-up');
  await expect(deny.or(sheet)).toBeVisible();
  if (await sheet.isVisible()) await stepUpByPassword(page);
  await deny.tap();
  await expect(page.getByTestId('connect-problem')).toBeVisible();
  await shot(page, 'denied');
  await page.goto('/portfolio');
  await expect(page.getByRole('button', { name: 'Connect a brokerage' })).toBeVisible();
});
