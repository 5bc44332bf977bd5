import { expect, test, type Page } from '@playwright/test';

import { newAddress, register, sendPassword, signOut } from './steps';

const ADMIN_PASSWORD = 'Admin123!';

async function signInAsAdmin(page: Page): Promise<void> {
  await sendPassword(page, 'admin@optix.io', ADMIN_PASSWORD);
  await expect(page.getByTestId('markets')).toBeVisible();
}

test('an administrator finds a user, shuts the account, and opens it again', async ({
  page,
  browser,
}) => {
  const email = newAddress('shut');
  const other = await browser.newContext({ hasTouch: true, isMobile: true });
  const elsewhere = await other.newPage();
  await register(elsewhere, email);

  await signInAsAdmin(page);
  await page.goto('/you');
  await page.getByTestId('open-admin').tap();
  await expect(page.getByTestId('health')).toContainText(/postgresql/i);
  await page.getByTestId('open-users').tap();
  await page.getByTestId('user-search').fill(email);
  await page.getByTestId(`user-${email}`).tap();
  await page.getByTestId('toggle-disabled').tap();
  await page.getByTestId('factor-password').fill(ADMIN_PASSWORD);
  await page.getByTestId('factor-submit').tap();
  await expect(page.getByTestId('admin-user')).toContainText('Disabled since');
  await expect(elsewhere.getByTestId('notice-ended')).toBeVisible();
  await sendPassword(elsewhere, email);
  await expect(elsewhere.getByTestId('form-error')).toBeVisible();

  await page.getByTestId('toggle-disabled').tap();
  await expect(page.getByTestId('admin-user')).not.toContainText('Disabled since');
  await sendPassword(elsewhere, email);
  await expect(elsewhere.getByTestId('markets')).toBeVisible();
  await other.close();
});

test('the trail is read, filtered and verified', async ({ page }) => {
  await signInAsAdmin(page);
  await page.goto('/admin/audit');
  await expect(page.getByTestId('audit-event').first()).toBeVisible();
  await page.getByTestId('audit-kind').fill('sign_in');
  await expect(page.getByTestId('audit-event').first()).toContainText('sign_in');
  await page.getByTestId('verify-audit').tap();
  await expect(page.getByTestId('audit-intact')).toBeVisible();
});

test('the providers of market data are looked at', async ({ page }) => {
  await signInAsAdmin(page);
  await page.goto('/admin');
  await page.getByTestId('open-providers').tap();
  await expect(page.getByTestId('provider-sim')).toBeVisible();
  await expect(page.getByTestId('provider-sim')).toContainText('Quotes');
  await expect(page.getByTestId('state-sim')).toHaveText(/Live|Idle/);
});

test('nobody else is led to these pages', async ({ page }) => {
  await register(page, newAddress('user'));
  await page.goto('/you');
  await expect(page.getByTestId('open-security')).toBeVisible();
  await expect(page.getByTestId('open-admin')).toHaveCount(0);
  await page.goto('/admin/users');
  await expect(page.getByTestId('admin-users')).toHaveCount(0);
  await signOut(page);
});
