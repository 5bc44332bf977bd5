import { expect, test } from '@playwright/test';

import { cells, openChain, openSymbol, problem, tryIt } from './steps';

test.beforeEach(async ({ page }) => {
  await tryIt(page);
  await openSymbol(page);
});

test('the money line opens in the middle of the view', async ({ page }) => {
  await openChain(page);
  const list = await page.getByTestId('chain-list').boundingBox();
  const line = await page.getByTestId('money-line').boundingBox();
  if (list === null || line === null) throw new Error('nothing drawn');
  const offset = line.y + line.height / 2 - (list.y + list.height / 2);
  expect(Math.abs(offset)).toBeLessThan(list.height / 4);
});

test('column sets change the heads and the cells', async ({ page }) => {
  await openChain(page);
  await expect(page.getByText('Θ/day').first()).toBeVisible();
  await page.getByRole('radio', { name: 'Price' }).tap();
  await expect(page.getByText('Mid').first()).toBeVisible();
  await page.getByRole('radio', { name: 'Vol · OI' }).tap();
  await expect(page.getByText('Vol', { exact: true }).first()).toBeVisible();
  await page.getByRole('radio', { name: 'IV', exact: true }).tap();
  await expect(page.getByText('Θ/day')).toHaveCount(0);
});

test('another expiration brings its own contracts and stays in the address', async ({ page }) => {
  await openChain(page);
  const tiles = page.locator('[data-testid^="expiry-"]');
  test.skip((await tiles.count()) < 2, 'this recording has one expiration');
  const other = page.locator('[data-testid^="expiry-"][aria-checked="false"]').first();
  const date = ((await other.getAttribute('data-testid')) ?? '').replace('expiry-', '');
  await other.tap();
  await expect(page.getByTestId(`expiry-${date}`)).toHaveAttribute('aria-checked', 'true');
  await expect(page).toHaveURL(new RegExp(`expiration=${date}`));
  const code = date.slice(2).replaceAll('-', '');
  await expect(
    page.locator(`[data-testid^="cell-"][data-testid*="${code}"]`).first(),
  ).toBeVisible();
});

test('the view does not jump while values change', async ({ page }) => {
  await openChain(page);
  await page.getByTestId('chain-list').evaluate((list) => list.scrollBy(0, 130));
  const list = await page.getByTestId('chain-list').boundingBox();
  const strikes = await page.locator('[data-testid^="strike-"]').all();
  let name: string | null = null;
  for (const strike of strikes) {
    const box = await strike.boundingBox();
    if (list && box && box.y > list.y + 60 && box.y < list.y + list.height - 60) {
      name = await strike.getAttribute('data-testid');
      break;
    }
  }
  const place = async () => (await page.getByTestId(name ?? '').boundingBox())?.y ?? -1;
  await expect(page.getByTestId(name ?? '')).toBeVisible();
  const before = await place();
  const shown = await page.getByTestId('chain-list').innerText();
  await expect.poll(() => page.getByTestId('chain-list').innerText()).not.toBe(shown);
  // The price may cross this strike: the row at the top of the view is what must stand still.
  expect(Math.abs((await place()) - before)).toBeLessThanOrEqual(28);
});

test('a contract opens with its numbers and what moves it, and closes by key', async ({ page }) => {
  await openChain(page);
  await cells(page).nth(6).tap();
  await expect(page.getByTestId('contract')).toBeVisible();
  await expect(page.getByTestId('contract')).toContainText(/bid/);
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('contract')).toHaveCount(0);
});

test('a chain that cannot be loaded says why, and a retry brings it', async ({ page }) => {
  const url = '**/api/v1/options/chain/**';
  await page.evaluate(() => localStorage.clear());
  await page.route(url, (route) =>
    route.fulfill(problem(503, 'provider_unavailable', 'The provider did not answer.')),
  );
  await page.routeWebSocket('**/ws/quotes', (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      if (!String(message).includes('"chain"')) server.send(message);
    });
  });
  const path = new URL(page.url()).pathname.replace('/symbol/', '/chain/');
  // Whoever clears the storage is signed out on this page.
  await tryIt(page);
  await page.goto(path);
  await expect(page.getByTestId('error-card')).toContainText('The provider did not answer.');
  await expect(page.getByTestId('error-card')).toContainText('Code provider_unavailable');
  await page.unroute(url);
  await page.getByRole('button', { name: 'Try again' }).tap();
  await expect(page.getByTestId('money-line')).toBeVisible();
});

test('while it loads the chain keeps its shape and invents nothing', async ({ page }) => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/api/v1/options/expirations/**', async (route) => {
    await held;
    await route.continue();
  });
  // As the new page begins: the old one writes what it has once more while it is left.
  await page.addInitScript(() => localStorage.removeItem('optix.queries'));
  await page.goto(new URL(page.url()).pathname.replace('/symbol/', '/chain/'));
  await expect(page.getByTestId('chain-loading')).toBeVisible();
  expect(await page.getByTestId('chain-loading').innerText()).not.toMatch(/\d/);
  release();
  await expect(page.getByTestId('money-line')).toBeVisible();
});
