/** What several specs do: get in, get to a screen, wait for live values. */
import { expect, type Locator, type Page } from '@playwright/test';

import { codeOfLastStep } from './authenticator';
import { codeFor } from './mail';

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

/** A frame of the price stream that is text; numbers come as bytes. */
export function textFrame(message: string | Buffer): unknown[] | null {
  return typeof message === 'string' ? JSON.parse(message) : null;
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

export const PASSWORD = 'a long enough sentence 7';

export function newAddress(name: string): string {
  return `${name}-${Date.now()}-${Math.floor(Math.random() * 1e6)}@example.com`;
}

/** Fill the form of a registration and send it; ends on the page that waits for the code. */
export async function beginRegistration(page: Page, email: string): Promise<void> {
  await page.goto('/register');
  await page.getByTestId('email').fill(email);
  await page.getByTestId('password').fill(PASSWORD);
  await page.getByTestId('name').fill('End to End');
  await page.getByTestId('submit').tap();
  await expect(page.getByTestId('verify')).toBeVisible();
}

/** A new account by its mailed code; ends on Markets. */
export async function register(page: Page, email: string): Promise<void> {
  await beginRegistration(page, email);
  await page.getByTestId('mail-code').fill(await codeFor(email));
  await expect(page.getByTestId('markets')).toBeVisible();
}

export async function signOut(page: Page): Promise<void> {
  await page.goto('/you');
  await page.getByTestId('sign-out').tap();
  await expect(page.getByTestId('welcome')).toBeVisible();
}

/** E-mail and password; where it ends is the account's matter. */
export async function sendPassword(page: Page, email: string, password = PASSWORD): Promise<void> {
  await page.goto('/sign-in');
  await page.getByTestId('email').fill(email);
  await page.getByTestId('password').fill(password);
  await page.getByTestId('submit').tap();
}

/** Answer the step-up sheet with the password. */
export async function stepUpByPassword(page: Page): Promise<void> {
  await page.getByTestId('factor-password').fill(PASSWORD);
  await page.getByTestId('factor-submit').tap();
}

/** Set up the authenticator app; its key and recovery codes come back. */
export async function setUpTotp(page: Page): Promise<{ key: string; codes: string[] }> {
  await page.goto('/security/authenticator');
  await page.getByTestId('totp-begin').tap();
  const qr = page.getByTestId('totp-qr');
  const sheet = page.getByTestId('step-up');
  await expect(qr.or(sheet)).toBeVisible();
  if (await sheet.isVisible()) await stepUpByPassword(page);
  await expect(qr).toBeVisible();
  const key = (await page.getByTestId('totp-key').innerText()).replace(/\s/g, '');
  // A code one step old: the next ones are then still unused.
  await page.getByTestId('totp-code').fill(await codeOfLastStep(key));
  await expect(page.getByTestId('recovery-codes')).toBeVisible();
  const codes = await page.getByTestId('recovery-code-line').allInnerTexts();
  await page.getByTestId('codes-kept').tap();
  await page.getByTestId('codes-done').tap();
  await expect(page.getByTestId('recovery-codes')).toHaveCount(0);
  return { key, codes };
}
