import { readFileSync } from 'node:fs';

import { expect, test, type Page } from '@playwright/test';

import {
  beginRegistration,
  cells,
  newAddress,
  openChain,
  openSymbol,
  register,
  sendPassword,
  setUpTotp,
  signOut,
  tryIt,
} from './steps';

const source = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  id: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Findings of axe on what is shown, as short texts. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(source);
  const violations = await page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run: (options: object) => Promise<{ violations: Violation[] }> };
    };
    return (await axe.run({ resultTypes: ['violations'] })).violations;
  });
  return violations.flatMap((each) =>
    each.nodes.map((node) => `${each.id}: ${node.failureSummary} ${node.html.slice(0, 200)}`),
  );
}

/** Nothing slides or fades any more; a spinner turns for as long as it has to. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    document
      .getAnimations()
      .every(
        (each) => each.playState !== 'running' || each.effect?.getTiming().iterations === Infinity,
      ),
  );
}

for (const scheme of ['dark', 'light'] as const) {
  test.describe(scheme, () => {
    test.use({ colorScheme: scheme });

    test('the pages before signing in', async ({ page }) => {
      await page.goto('/');
      await expect(page.getByTestId('try-it')).toBeVisible();
      expect(await findings(page)).toEqual([]);
      for (const path of ['/sign-in', '/register']) {
        await page.goto(path);
        await page.getByTestId('submit').tap();
        await expect(page.getByText('Write your password.')).toBeVisible();
        expect(await findings(page)).toEqual([]);
      }
    });

    test('registering, the second factor and a forgotten password', async ({ page }) => {
      const email = newAddress('axe');
      await register(page, email);
      await setUpTotp(page);
      await signOut(page);
      await beginRegistration(page, newAddress('axe'));
      expect(await findings(page)).toEqual([]);
      await page.goto('/forgot-password');
      await expect(page.getByTestId('submit')).toBeVisible();
      expect(await findings(page)).toEqual([]);
      await page.goto('/reset-password#token=none');
      await page.getByTestId('password').fill('short');
      await expect(page.getByTestId('strength')).toBeVisible();
      expect(await findings(page)).toEqual([]);
      await sendPassword(page, email);
      await expect(page.getByTestId('second-factor')).toBeVisible();
      expect(await findings(page)).toEqual([]);
      await page.getByTestId('way-recovery_code').tap();
      expect(await findings(page)).toEqual([]);
    });

    test('security, its pages and the step-up', async ({ page }) => {
      await register(page, newAddress('axe'));
      await page.goto('/security');
      await expect(page.getByTestId('guard-password-only')).toBeVisible();
      expect(await findings(page)).toEqual([]);
      for (const place of ['passkeys', 'sessions', 'password', 'email', 'export']) {
        await page.goto(`/security/${place}`);
        await expect(page.getByTestId('back').last()).toBeVisible();
        await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
        expect(await findings(page)).toEqual([]);
      }
    });

    test('the step-up and setting up an authenticator app', async ({ page }) => {
      await register(page, newAddress('axe'));
      await page.goto('/security/authenticator');
      await page.getByTestId('totp-begin').tap();
      await expect(page.getByTestId('step-up')).toBeVisible();
      await settled(page);
      expect(await findings(page)).toEqual([]);
      await page.getByRole('button', { name: 'Cancel' }).tap();
      await setUpTotp(page);
      expect(await findings(page)).toEqual([]);
    });

    test('administration', async ({ page }) => {
      await sendPassword(page, 'admin@optix.io', 'Admin123!');
      await expect(page.getByTestId('markets')).toBeVisible();
      for (const [path, shown] of [
        ['/admin', 'health'],
        ['/admin/users', 'user-admin@optix.io'],
        ['/admin/audit', 'audit-event'],
      ] as const) {
        await page.goto(path);
        await expect(page.getByTestId(shown).first()).toBeVisible();
        expect(await findings(page)).toEqual([]);
      }
    });

    test('Markets, search, the list editor and You', async ({ page }) => {
      await tryIt(page);
      expect(await findings(page)).toEqual([]);
      await page.getByTestId('search').fill('a');
      await expect(page.locator('[data-testid^="result-"]').first()).toBeVisible();
      expect(await findings(page)).toEqual([]);
      await page.getByTestId('search').fill('');
      await page.getByTestId('edit-list').tap();
      await expect(page.getByTestId('sheet')).toBeVisible();
      await settled(page);
      expect(await findings(page)).toEqual([]);
      await page.goto('/you');
      await expect(page.getByTestId('feed-card')).toBeVisible();
      expect(await findings(page)).toEqual([]);
    });

    test('symbol, chain and contract', async ({ page }) => {
      await tryIt(page);
      await openSymbol(page);
      expect(await findings(page)).toEqual([]);
      await openChain(page);
      expect(await findings(page)).toEqual([]);
      await cells(page).nth(6).tap();
      await expect(page.getByTestId('contract')).toBeVisible();
      await settled(page);
      expect(await findings(page)).toEqual([]);
    });

    test('the wide window', async ({ page }) => {
      await tryIt(page);
      await page.setViewportSize({ width: 1440, height: 900 });
      await expect(page.getByTestId('chain-pane')).toBeVisible();
      await cells(page).nth(6).click();
      await expect(page.getByTestId('selected-contract')).toBeVisible();
      expect(await findings(page)).toEqual([]);
    });
  });
}

test('the whole way can be gone by keyboard', async ({ page }) => {
  await page.goto('/');
  const press = async (testId: string) => {
    const target = page.locator(`[data-testid^="${testId}"]`).first();
    await expect(target).toBeVisible();
    await target.focus();
    await page.keyboard.press('Enter');
  };
  await press('try-it');
  await expect(page.locator('[data-testid^="quote-"]').first()).toContainText(/\d\.\d\d/);
  await press('quote-');
  await press('open-chain');
  await expect(page.getByTestId('money-line')).toBeVisible();
  await press('cell-');
  await expect(page.getByTestId('contract')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('contract')).toHaveCount(0);
});
