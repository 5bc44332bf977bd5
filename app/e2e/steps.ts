/** What several specs do: get in, get to a screen, wait for live values. */
import { expect, type Locator, type Page } from '@playwright/test';

/** One tap into the development account; ends on Markets with a first price. */
export async function tryIt(page: Page): Promise<void> {
  await page.goto('/');
  await page.getByTestId('try-it').tap();
  await expect(page.getByTestId('markets')).toBeVisible();
  await firstQuote(page);
}

/** The first symbol of the list that has a quote from this feed. */
export async function firstQuote(page: Page): Promise<Locator> {
  const row = page.locator('[data-testid^="quote-"]').first();
  await expect(row).toContainText(/\d\.\d\d/);
  return row;
}

export async function openSymbol(page: Page): Promise<void> {
  await (await firstQuote(page)).tap();
  await expect(page.getByTestId('last-price')).toContainText(/\d/);
}

export async function openChain(page: Page): Promise<void> {
  await page.getByTestId('open-chain').tap();
  await expect(page.getByTestId('money-line')).toBeVisible();
}

export function cells(page: Page): Locator {
  return page.locator('[data-testid^="cell-"]');
}

/** A problem document as the server writes it. */
export function problem(status: number, code: string, detail: string) {
  return {
    status,
    contentType: 'application/problem+json',
    body: JSON.stringify({
      type: 'about:blank',
      title: code,
      status,
      code,
      detail,
      next_step: 'Try again in a moment.',
      request_id: 'req-e2e',
      fields: {},
    }),
  };
}
