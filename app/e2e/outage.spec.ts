import { expect, test, type WebSocketRoute } from '@playwright/test';

import { firstQuote, openChain, openSymbol, textFrame, tryIt } from './steps';

test('when the socket dies, old numbers are called old, and they recover by themselves', async ({
  page,
}) => {
  let alive = true;
  const open: WebSocketRoute[] = [];
  await page.routeWebSocket('**/ws/quotes', (socket) => {
    if (!alive) {
      void socket.close({ code: 1011 });
      return;
    }
    socket.connectToServer();
    open.push(socket);
  });
  await tryIt(page);
  await expect(page.getByTestId('banner-stale')).toHaveCount(0);
  alive = false;
  for (const socket of open) await socket.close({ code: 1011 });
  await expect(page.getByTestId('banner-stale')).toContainText('Connection lost');
  await expect(await firstQuote(page)).toContainText('old');
  alive = true;
  await expect(page.getByTestId('banner-stale')).toHaveCount(0);
});

test('a socket that goes mute is noticed', async ({ page }) => {
  let mute = false;
  await page.routeWebSocket('**/ws/quotes', (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      if (!mute) socket.send(message);
    });
  });
  await tryIt(page);
  mute = true;
  await expect(page.getByTestId('banner-stale')).toBeVisible();
});

test('a feed that goes silent is told apart from a lost connection', async ({ page }) => {
  await page.routeWebSocket('**/ws/quotes', (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      const frame = textFrame(message);
      if (frame?.[0] === 'status') {
        const silent = {
          ...(frame[1] as object),
          state: 'stale',
          reason: '',
          since: '2026-11-19T15:41:52Z',
        };
        socket.send(JSON.stringify(['status', silent]));
      } else socket.send(message);
    });
  });
  await tryIt(page);
  await expect(page.getByTestId('banner-stale')).toContainText('Quotes paused at 10:41:52.');
});

test('offline, everything last seen still opens, with its age', async ({ page, context }) => {
  await tryIt(page);
  await openSymbol(page);
  await openChain(page);
  await context.setOffline(true);
  await expect(page.getByTestId('banner-offline')).toBeVisible();
  await page.getByTestId('back').last().tap();
  await expect(page.getByTestId('last-price').first()).toContainText(/\d/);
  await context.setOffline(false);
  await expect(page.getByTestId('banner-offline')).toHaveCount(0);
});

test('a reload with the server gone shows the last data', async ({ page }) => {
  await tryIt(page);
  // The cache is written every two seconds: wait until it holds the quotes.
  await expect
    .poll(() => page.evaluate(() => localStorage.getItem('optix.queries') ?? ''))
    .toContain('"quotes"');
  await page.route('**/api/v1/**', (route) => route.abort());
  await page.routeWebSocket('**/ws/quotes', (socket) => void socket.close({ code: 1011 }));
  await page.reload();
  await expect(await firstQuote(page)).toContainText('old');
  await expect(page.getByTestId('banner-stale')).toBeVisible();
});

test('a market that is not live says so on every screen', async ({ page }) => {
  const words = { simulated: 'Simulated market.', replay: 'Replay', delayed: 'Delayed' };
  const quality = { now: 'simulated' };
  await page.routeWebSocket('**/ws/quotes', (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      const frame = textFrame(message);
      if (frame?.[0] !== 'status') return socket.send(message);
      const told = {
        ...(frame[1] as object),
        quality: quality.now,
        delay_seconds: 900,
        market_speed: 4,
      };
      return socket.send(JSON.stringify(['status', told]));
    });
  });
  for (const [name, text] of Object.entries(words)) {
    quality.now = name;
    await page.goto('/');
    if (name === 'simulated') await page.getByTestId('try-it').tap();
    await firstQuote(page);
    await expect(page.getByTestId(`banner-${name}`)).toContainText(text);
    await page.goto('/you');
    await expect(page.getByTestId(`banner-${name}`)).toContainText(text);
  }
});
