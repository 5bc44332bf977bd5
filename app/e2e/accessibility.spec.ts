import { readFileSync } from 'node:fs';

import { expect, test, type Page } from '@playwright/test';

import { cells, openChain, openSymbol, tryIt } from './steps';

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

    test('Markets, search, the list editor and You', async ({ page }) => {
      await tryIt(page);
      expect(await findings(page)).toEqual([]);
      await page.getByTestId('search').fill('a');
      await expect(page.locator('[data-testid^="result-"]').first()).toBeVisible();
      expect(await findings(page)).toEqual([]);
      await page.getByTestId('search').fill('');
      await page.getByTestId('edit-list').tap();
      await expect(page.getByTestId('sheet')).toBeVisible();
      await page.waitForFunction(() =>
        document.getAnimations().every((each) => each.playState !== 'running'),
      );
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
      await page.waitForFunction(() =>
        document.getAnimations().every((each) => each.playState !== 'running'),
      );
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
