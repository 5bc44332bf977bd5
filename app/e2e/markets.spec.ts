import { expect, test } from '@playwright/test';

import { firstQuote, openSymbol, problem, tryIt } from './steps';

test('search a symbol, add it, find it on the list after a reload, remove it', async ({ page }) => {
  await tryIt(page);
  const row = await firstQuote(page);
  const symbol = ((await row.getAttribute('data-testid')) ?? '').replace('quote-', '');
  await page.getByTestId('search').fill(symbol);
  await page.getByTestId(`add-${symbol}`).tap();
  await page.getByTestId('search').fill('');
  await expect(page.getByTestId(`quote-${symbol}`)).toHaveCount(0);

  await page.getByTestId('search').fill(symbol);
  await page.getByTestId(`add-${symbol}`).tap();
  await page.getByTestId('search').fill('');
  await expect(page.getByTestId(`quote-${symbol}`)).toBeVisible();
  await page.reload();
  await expect(page.getByTestId(`quote-${symbol}`)).toBeVisible();
});

test('a search without a match says so', async ({ page }) => {
  await tryIt(page);
  await page.getByTestId('search').fill('qqqqzzzz');
  await expect(page.getByText('No match for “qqqqzzzz”')).toBeVisible();
});

test('an emptied list offers a way on', async ({ page }) => {
  await tryIt(page);
  await page.getByTestId('edit-list').tap();
  const remove = page.getByRole('button', { name: /^Remove / });
  await expect(remove.first()).toBeVisible();
  for (let left = await remove.count(); left > 0; left -= 1) await remove.first().tap();
  await page.getByRole('button', { name: 'Done' }).tap();
  await expect(page.getByText('No symbols yet')).toBeVisible();
  await page.getByRole('button', { name: 'Start with the usual names' }).tap();
  await firstQuote(page);
});

test('prices move without a reload', async ({ page }) => {
  await tryIt(page);
  const list = page.getByTestId('markets');
  const before = await list.innerText();
  await expect.poll(() => list.innerText()).not.toBe(before);
});

test('a symbol shows chart, ranges, figures, and the star follows the list', async ({ page }) => {
  await tryIt(page);
  await openSymbol(page);
  await expect(page.getByTestId('price-chart').getByRole('img')).toHaveAttribute(
    'aria-label',
    /bars from/,
  );
  await page.getByRole('radio', { name: '1Y' }).tap();
  await expect(page.getByRole('radio', { name: '1Y' })).toHaveAttribute('aria-checked', 'true');
  await expect(page.getByText('Realised 20-day')).toBeVisible();
  await page.getByTestId('watch').tap();
  await expect(page.getByTestId('watch')).toHaveAttribute('aria-label', /^Add /);
});

test('the chart is read with the keyboard', async ({ page }) => {
  await tryIt(page);
  await openSymbol(page);
  const chart = page.getByTestId('price-chart').getByRole('img');
  await expect(chart).toHaveAttribute('aria-label', /bars from/);
  await chart.focus();
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByTestId('chart-reading')).toContainText(/O .* H .* L .* C/);
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('chart-reading')).toHaveCount(0);
});

test('an unknown symbol is an error in words, not an empty screen', async ({ page }) => {
  await tryIt(page);
  await page.goto('/symbol/QZQZ');
  await expect(page.getByTestId('error-card')).toContainText('QZQZ could not be loaded');
});

test('quotes that cannot be loaded say why, and a retry brings them', async ({ page }) => {
  await page.route('**/api/v1/quotes?**', (route) =>
    route.fulfill(problem(503, 'provider_unavailable', 'The feed did not answer.')),
  );
  await page.goto('/');
  await page.getByTestId('try-it').tap();
  await expect(page.getByTestId('error-card').first()).toContainText('The feed did not answer.');
  await page.unroute('**/api/v1/quotes?**');
  await page.getByRole('button', { name: 'Try again' }).first().tap();
  await firstQuote(page);
});
