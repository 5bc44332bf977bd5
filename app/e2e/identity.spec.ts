import { expect, test } from '@playwright/test';

import { deviceWithPasskeys, totp } from './authenticator';
import { codeFor, countMails, resetLinkFor } from './mail';
import {
  beginRegistration,
  newAddress,
  PASSWORD,
  register,
  sendPassword,
  setUpTotp,
  signOut,
  stepUpByPassword,
} from './steps';

test('an account begins with the code of a mail, and a wrong code opens nothing', async ({
  page,
}) => {
  const email = newAddress('register');
  await beginRegistration(page, email);
  const code = await codeFor(email);
  const wrong = code === '1111 1111' ? '2222 2222' : '1111 1111';
  await page.getByTestId('mail-code').fill(wrong);
  await expect(page.getByTestId('verify')).toContainText(/code/i);
  await expect(page.getByTestId('mail-code')).toHaveValue('');
  // A reload keeps what waits: on a phone, reading the mail may end the app.
  await page.goto('/verify');
  await page.getByTestId('mail-code').fill(code);
  await expect(page.getByTestId('markets')).toBeVisible();
  await page.goto('/you');
  await expect(page.getByTestId('account-email')).toHaveText(email);
});

test('an address that has an account gets the same page, and no code', async ({ page }) => {
  const email = newAddress('taken');
  await register(page, email);
  await signOut(page);
  const before = countMails(email);
  await beginRegistration(page, email);
  await expect.poll(() => countMails(email)).toBeGreaterThan(before);
  await page.getByTestId('mail-code').fill('1234 5678');
  await expect(page.getByTestId('mail-code')).toHaveValue('');
  await expect(page.getByTestId('verify')).toBeVisible();
});

test('set up an authenticator app, then sign in with it and with a recovery code', async ({
  page,
}) => {
  const email = newAddress('totp');
  await register(page, email);
  const { key, codes } = await setUpTotp(page);
  expect(codes).toHaveLength(10);

  await signOut(page);
  await sendPassword(page, email);
  await expect(page.getByTestId('second-factor')).toBeVisible();
  await page.getByTestId('totp-code').fill(totp(key) === '000000' ? '000001' : '000000');
  await expect(page.getByTestId('second-factor')).toContainText(/code/i);
  await expect(page.getByTestId('markets')).toHaveCount(0);
  await page.getByTestId('totp-code').fill(totp(key));
  await expect(page.getByTestId('markets')).toBeVisible();

  await signOut(page);
  await sendPassword(page, email);
  await page.getByTestId('way-recovery_code').tap();
  await page.getByTestId('recovery-code').fill((codes[0] ?? '').toLowerCase());
  await page.getByTestId('factor-submit').tap();
  await expect(page.getByTestId('markets')).toBeVisible();
  await page.goto('/security/recovery-codes');
  await expect(page.getByTestId('codes-left')).toHaveText('9');

  // Used up is used up.
  await signOut(page);
  await sendPassword(page, email);
  await page.getByTestId('way-recovery_code').tap();
  await page.getByTestId('recovery-code').fill(codes[0] ?? '');
  await page.getByTestId('factor-submit').tap();
  await expect(page.getByTestId('second-factor')).toContainText(/again|another/i);
  await expect(page.getByTestId('recovery-code')).toBeVisible();
});

test('a passkey is made, named, signs in without a password, and is removed', async ({ page }) => {
  const email = newAddress('passkey');
  const device = await deviceWithPasskeys(page);
  await register(page, email);
  await page.goto('/security/passkeys');
  await page.getByTestId('add-passkey').tap();
  const codes = page.getByTestId('recovery-codes');
  const sheet = page.getByTestId('step-up');
  await expect(codes.or(sheet)).toBeVisible();
  if (await sheet.isVisible()) await stepUpByPassword(page);
  await expect(codes).toBeVisible();
  expect(await device.credentials()).toBe(1);
  await page.getByTestId('codes-kept').tap();
  await page.getByTestId('codes-done').tap();
  await expect(page.getByTestId('passkey')).toHaveCount(1);
  await page.getByTestId('rename-passkey').tap();
  await page.getByTestId('passkey-name').fill('Laptop of the test');
  await page.getByTestId('passkey-save').tap();
  await expect(page.getByTestId('passkey-title')).toHaveText('Laptop of the test');

  await signOut(page);
  await page.goto('/sign-in');
  await page.getByTestId('passkey-sign-in').tap();
  await expect(page.getByTestId('markets')).toBeVisible();
  await page.goto('/you');
  await expect(page.getByTestId('account-email')).toHaveText(email);

  // As second factor of a password.
  await signOut(page);
  await sendPassword(page, email);
  await page.getByTestId('use-passkey').tap();
  await expect(page.getByTestId('markets')).toBeVisible();

  await page.goto('/security/passkeys');
  await page.getByTestId('remove-passkey').tap();
  await page.getByTestId('remove-passkey-now').tap();
  // The page was loaded anew: its token says nothing of a fresh proof, so the device is asked.
  await page.getByTestId('use-passkey').tap();
  await expect(page.getByText('No passkeys yet')).toBeVisible();
});

test('a device that does not know its holder signs nobody in, and the page says nothing untrue', async ({
  page,
}) => {
  const email = newAddress('holder');
  const device = await deviceWithPasskeys(page);
  await register(page, email);
  await page.goto('/security/passkeys');
  await page.getByTestId('add-passkey').tap();
  const codes = page.getByTestId('recovery-codes');
  await expect(codes.or(page.getByTestId('step-up'))).toBeVisible();
  if (await page.getByTestId('step-up').isVisible()) await stepUpByPassword(page);
  await expect(codes).toBeVisible();
  await device.holder(false);
  await signOut(page);
  await page.goto('/sign-in');
  await page.getByTestId('passkey-sign-in').tap();
  await expect(page.getByTestId('passkey-sign-in')).toBeEnabled();
  await expect(page.getByTestId('markets')).toHaveCount(0);
});

test('a forgotten password is set by the link of a mail, once', async ({ page }) => {
  const email = newAddress('reset');
  await register(page, email);
  await signOut(page);
  const before = countMails(email);
  await page.goto('/sign-in');
  await page.getByTestId('forgot').tap();
  const asking = page.getByTestId('forgot-password');
  await asking.getByTestId('email').fill(email);
  await asking.getByTestId('submit').tap();
  await expect(page.getByTestId('reset-sent')).toBeVisible();
  const link = new URL(await resetLinkFor(email, before));
  const path = link.pathname + link.hash;
  const sent: string[] = [];
  page.on('request', (request) => sent.push(request.url()));
  // A new document: a link out of a mail program opens no page that is there already.
  await page.goto('about:blank');
  await page.goto(path);
  const setting = page.getByTestId('reset-password');
  const next = 'another long sentence 8';
  await setting.getByTestId('password').fill(next);
  // The token left the address bar, and no request has it in its address.
  expect(new URL(page.url()).hash).toBe('');
  await setting.getByTestId('submit').tap();
  const signIn = page.getByTestId('sign-in');
  await expect(signIn.getByTestId('reset-done')).toBeVisible();
  expect(sent.filter((url) => url.includes('token'))).toEqual([]);
  await signIn.getByTestId('email').fill(email);
  await signIn.getByTestId('password').fill(PASSWORD);
  await signIn.getByTestId('submit').tap();
  await expect(signIn.getByTestId('form-error')).toBeVisible();
  await signIn.getByTestId('password').fill(next);
  await signIn.getByTestId('submit').tap();
  await expect(page.getByTestId('markets')).toBeVisible();

  await signOut(page);
  await page.goto('about:blank');
  await page.goto(path);
  await setting.getByTestId('password').fill('a third long sentence 9');
  await setting.getByTestId('submit').tap();
  await expect(setting.getByTestId('form-error')).toBeVisible();
});

test('an unknown address gets the same answer to a reset', async ({ page }) => {
  await page.goto('/forgot-password');
  await page.getByTestId('email').fill(newAddress('nobody'));
  await page.getByTestId('submit').tap();
  await expect(page.getByTestId('reset-sent')).toBeVisible();
});

test('another device is signed out at once', async ({ page, browser }) => {
  const email = newAddress('devices');
  await register(page, email);
  const other = await browser.newContext({ hasTouch: true, isMobile: true });
  const elsewhere = await other.newPage();
  await sendPassword(elsewhere, email);
  await expect(elsewhere.getByTestId('markets')).toBeVisible();

  await page.goto('/security/sessions');
  await expect(page.getByTestId('session')).toHaveCount(1);
  await page.getByTestId('end-session').tap();
  await expect(page.getByTestId('no-others')).toBeVisible();
  // Its open socket is closed, its token refused, and it says why.
  await expect(elsewhere.getByTestId('notice-ended')).toBeVisible();
  await expect(page.getByTestId('session-current')).toBeVisible();
  await other.close();
});

test('a guarded change asks for a proof once, and can be left alone', async ({ page }) => {
  const email = newAddress('stepup');
  await register(page, email);
  const { key } = await setUpTotp(page);
  await signOut(page);
  await sendPassword(page, email);
  await page.getByTestId('totp-code').fill(totp(key));
  await expect(page.getByTestId('markets')).toBeVisible();
  // A renewed token says nothing of a fresh proof: a reload brings one.
  await page.goto('/security/recovery-codes');
  await page.getByTestId('new-codes').tap();
  await expect(page.getByTestId('step-up')).toBeVisible();
  await page.getByRole('button', { name: 'Cancel' }).tap();
  await expect(page.getByTestId('step-up')).toHaveCount(0);
  await expect(page.getByTestId('form-error')).toHaveCount(0);
  await page.getByTestId('new-codes').tap();
  await page.getByTestId('totp-code').fill(totp(key, 1));
  await expect(page.getByTestId('recovery-codes')).toBeVisible();
  await page.getByTestId('codes-kept').tap();
  await page.getByTestId('codes-done').tap();
  // Within five minutes nobody is asked again.
  await page.getByTestId('open-export').tap();
  const download = page.waitForEvent('download');
  await page.getByTestId('submit').tap();
  expect((await download).suggestedFilename()).toBe('optix-my-data.json');
  await expect(page.getByTestId('export-done')).toBeVisible();
});

test('an account is deleted after its address was typed and proven', async ({ page }) => {
  const email = newAddress('delete');
  await register(page, email);
  await page.goto('/security/delete-account');
  await expect(page.getByTestId('delete-now')).toBeDisabled();
  await page.getByTestId('delete-confirm').fill(email);
  await page.getByTestId('delete-now').tap();
  await stepUpByPassword(page);
  await expect(page.getByTestId('notice-deleted')).toBeVisible();
  await sendPassword(page, email);
  await expect(page.getByTestId('form-error')).toBeVisible();
});

test('e-mail and password are changed by who proves it', async ({ page }) => {
  const email = newAddress('change');
  const moved = newAddress('moved');
  await register(page, email);
  await page.goto('/security/email');
  await page.getByTestId('email').fill(moved);
  await page.getByTestId('submit').tap();
  await stepUpByPassword(page);
  await page.getByTestId('mail-code').fill(await codeFor(moved));
  await expect(page.getByTestId('email-now')).toHaveText(moved);

  await page.goto('/security/password');
  await page.getByTestId('password').fill('another long sentence 8');
  await page.getByTestId('submit').tap();
  const sheet = page.getByTestId('step-up');
  const done = page.getByTestId('password-done');
  await expect(sheet.or(done)).toBeVisible();
  if (await sheet.isVisible()) await stepUpByPassword(page);
  await expect(done).toBeVisible();
  await signOut(page);
  await sendPassword(page, moved, 'another long sentence 8');
  await expect(page.getByTestId('markets')).toBeVisible();
});
