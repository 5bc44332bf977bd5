import { expect, test, type Page } from '@playwright/test';

import { codeFor } from './mail';
import { newAddress, PASSWORD, problem, register, sendPassword, tryIt } from './steps';

test('register, sign out, sign in again, and stay signed in after a reload', async ({ page }) => {
  const email = newAddress('e2e');
  await page.goto('/');
  await page.getByRole('button', { name: 'Create an account' }).tap();
  await page.getByTestId('email').fill(email);
  await page.getByTestId('password').fill(PASSWORD);
  await expect(page.getByTestId('strength')).toContainText(/Good|Strong/);
  await page.getByTestId('name').fill('End to End');
  await page.getByTestId('submit').tap();
  await page.getByTestId('mail-code').fill(await codeFor(email));
  await expect(page.getByTestId('markets')).toBeVisible();

  await page.getByTestId('tab-you').tap();
  await expect(page.getByTestId('account-email')).toHaveText(email);
  await page.getByTestId('sign-out').tap();
  await expect(page.getByTestId('welcome')).toBeVisible();

  await page.getByRole('button', { name: 'Sign in' }).tap();
  await page.getByTestId('email').fill(email);
  await page.getByTestId('password').fill(PASSWORD);
  await page.getByTestId('submit').tap();
  await expect(page.getByTestId('markets')).toBeVisible();
  await page.reload();
  await expect(page.getByTestId('markets')).toBeVisible();
});

test('bad input is named before it is sent', async ({ page }) => {
  await page.goto('/register');
  await page.getByTestId('email').fill('nobody');
  await page.getByTestId('password').fill('short');
  await page.getByTestId('submit').tap();
  await expect(page.getByText('Write an address like name@example.com.')).toBeVisible();
  await expect(page.getByText('Use at least 10 characters: 5 more.')).toBeVisible();
});

test('a wrong password is said by the server, and what was typed stays', async ({ page }) => {
  await page.goto('/sign-in');
  await page.getByTestId('email').fill('nobody@example.com');
  await page.getByTestId('password').fill('not the password');
  await page.getByTestId('submit').tap();
  await expect(page.getByTestId('form-error')).toContainText(/\w/);
  await expect(page.getByTestId('email')).toHaveValue('nobody@example.com');
});

test('the kept token is out of reach of scripts', async ({ page }) => {
  await tryIt(page);
  const reachable = await page.evaluate(() => document.cookie + JSON.stringify(localStorage));
  const token = /"(?:access|refresh)_token"/;
  expect(reachable).not.toMatch(token);
  const cookies = await page.context().cookies();
  expect(cookies.length).toBeGreaterThan(0);
  for (const cookie of cookies) expect(cookie.httpOnly).toBe(true);
});

test('"Try it" is offered only where the server says so', async ({ page }) => {
  await page.route('**/api/v1/app/config', (route) =>
    route.fulfill({ json: { environment: 'production', try_it: false, version: '1' } }),
  );
  await page.goto('/');
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await expect(page.getByTestId('try-it')).toHaveCount(0);
});

test('a session that the server ended returns to the first page and says so', async ({ page }) => {
  await tryIt(page);
  await page.route('**/api/v1/**', (route) =>
    /auth|config/.test(route.request().url())
      ? route.fallback()
      : route.fulfill(problem(401, 'unauthenticated', 'The token has ended.')),
  );
  await page.route('**/api/v1/auth/refresh', (route) =>
    route.fulfill(problem(401, 'refresh_invalid', 'This session has ended.')),
  );
  await page.getByTestId('search').fill('zz');
  await expect(page.getByTestId('welcome')).toBeVisible();
  await expect(page.getByText(/Your session has ended/)).toBeVisible();
});

test('the look can be chosen, is kept, and follows the account to another device', async ({
  page,
  browser,
}) => {
  const email = newAddress('look');
  await register(page, email);
  await page.getByTestId('tab-you').tap();
  await page.getByRole('radio', { name: 'Light' }).tap();
  const schemeOf = (on: Page) => () =>
    on.evaluate(() => document.documentElement.style.colorScheme);
  await expect.poll(schemeOf(page)).toBe('light');
  await page.getByTestId('choice-blue_orange').tap();
  await page.reload();
  await expect.poll(schemeOf(page)).toBe('light');
  await expect(page.getByTestId('choice-blue_orange')).toHaveAttribute('aria-checked', 'true');

  const other = await browser.newContext({ hasTouch: true, isMobile: true, colorScheme: 'dark' });
  const elsewhere = await other.newPage();
  await sendPassword(elsewhere, email);
  await expect(elsewhere.getByTestId('markets')).toBeVisible();
  await expect.poll(schemeOf(elsewhere)).toBe('light');
  await other.close();
});

test('a name is changed in place', async ({ page }) => {
  await register(page, newAddress('name'));
  await page.getByTestId('tab-you').tap();
  await page.getByTestId('rename').tap();
  await page.getByTestId('name').fill('Ada Lovelace');
  await page.getByTestId('save-name').tap();
  await expect(page.getByTestId('account-name')).toHaveText('Ada Lovelace');
  await page.reload();
  await expect(page.getByTestId('account-name')).toHaveText('Ada Lovelace');
});

test('the market data agreement is read, signed and withdrawn', async ({ page }) => {
  await register(page, newAddress('agreement'));
  await page.goto('/you');
  await page.getByTestId('open-agreement').tap();
  await expect(page.getByTestId('agreement-shown')).toContainText('need no agreement');
  await expect(page.getByTestId('sign-agreement')).toBeDisabled();
  const groups = page.getByTestId('agreement').getByRole('radiogroup');
  await expect(groups).toHaveCount(5);
  for (let index = 0; index < 5; index += 1) {
    const answer = index === 0 ? 'Yes' : 'No';
    await groups.nth(index).getByRole('radio', { name: answer }).tap();
  }
  await page.getByTestId('agreement-name').fill('Ada Lovelace');
  await page.getByTestId('sign-agreement').tap();
  await expect(page.getByTestId('agreement-standing')).toContainText('Non-professional');
  await expect(page.getByTestId('agreement-standing')).toContainText('Ada Lovelace');
  await page.getByTestId('withdraw-agreement').tap();
  await expect(page.getByTestId('agreement-standing')).toContainText('Not declared');
});
