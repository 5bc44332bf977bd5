import { expect, test, type Page, type WebSocketRoute } from '@playwright/test';

import { firstQuote, openChain, openSymbol, textFrame, tryIt } from './steps';

interface Said {
  op: string;
  interval_ms?: number;
  format?: string;
  quotes?: string[];
  chain?: { strikes?: { around: number } };
  resume?: { stream: string; seen: number };
}

/** Everything said and heard over the price stream, and the way to cut in. */
class Tap {
  said: Said[] = [];
  texts: unknown[][] = [];
  bytes = 0;
  sockets: WebSocketRoute[] = [];

  static async on(page: Page): Promise<Tap> {
    const tap = new Tap();
    await page.routeWebSocket('**/ws/quotes', (socket) => {
      const server = socket.connectToServer();
      tap.sockets.push(socket);
      socket.onMessage((message) => {
        tap.said.push(JSON.parse(String(message)));
        server.send(message);
      });
      server.onMessage((message) => {
        const text = textFrame(message);
        if (text === null) tap.bytes += 1;
        else tap.texts.push(text);
        socket.send(message);
      });
    });
    return tap;
  }

  get socket(): WebSocketRoute {
    const last = this.sockets.at(-1);
    if (last === undefined) throw new Error('nobody connected');
    return last;
  }

  ops(op: string): Said[] {
    return this.said.filter((each) => each.op === op);
  }

  heard(name: string): unknown[][] {
    return this.texts.filter((each) => each[0] === name);
  }
}

async function movesAgain(page: Page): Promise<void> {
  const list = page.getByTestId('markets');
  const before = await list.innerText();
  await expect.poll(() => list.innerText(), { timeout: 30_000 }).not.toBe(before);
}

test('numbers come as bytes, and as text for a developer who asks for it', async ({ page }) => {
  const tap = await Tap.on(page);
  await tryIt(page);
  expect(tap.ops('auth')[0]).toMatchObject({ version: 2, format: 'binary', interval_ms: 250 });
  await expect.poll(() => tap.bytes).toBeGreaterThan(1);
  expect(tap.heard('snapshot')).toEqual([]);
  await page.goto('/you');
  await page.getByTestId('readable-stream').tap();
  await expect.poll(() => tap.ops('auth').at(-1)?.format).toBe('json');
  await page.getByTestId('tab-markets').tap();
  await movesAgain(page);
  await expect.poll(() => tap.heard('snapshot').length).toBeGreaterThan(0);
  await page.reload();
  await firstQuote(page);
  expect(tap.ops('auth').at(-1)?.format).toBe('json');
});

test('a server that goes away is followed without a word, and continued where it was', async ({
  page,
}) => {
  const tap = await Tap.on(page);
  await tryIt(page);
  await expect.poll(() => tap.bytes).toBeGreaterThan(2);
  tap.socket.send(JSON.stringify(['going_away', { reconnect_after_ms: 7_000 }]));
  await tap.socket.close({ code: 1012 });
  // Old by now, and marked so; but this was announced, so nobody is warned.
  await expect(await firstQuote(page)).toContainText('old', { timeout: 10_000 });
  await expect(page.getByTestId('banner-stale')).toHaveCount(0);
  await expect(await firstQuote(page)).not.toContainText('old', { timeout: 20_000 });
  expect(tap.sockets).toHaveLength(2);
  // The first thing asked for of the new gateway; what is looked at later is new to it.
  const since = tap.said.slice(tap.said.findLastIndex((each) => each.op === 'auth'));
  expect(since.find((each) => each.quotes !== undefined)?.resume?.seen).toBeGreaterThan(0);
  await movesAgain(page);
});

test('a connection that breaks, or speaks nonsense, heals by itself', async ({ page }) => {
  const tap = await Tap.on(page);
  await tryIt(page);
  await tap.socket.close({ code: 1011 });
  await expect.poll(() => tap.sockets.length).toBe(2);
  await expect.poll(() => tap.heard('hello').length).toBe(2);
  tap.socket.send(Buffer.from([1, 1, 0, 0, 7]));
  await expect.poll(() => tap.sockets.length).toBe(3);
  await movesAgain(page);
  expect(tap.said.findLast((each) => each.quotes !== undefined)?.resume).toBeUndefined();
  await expect(page.getByTestId('banner-stale')).toHaveCount(0);
});

test('an app that is out of date says so, and loads itself again', async ({ page }) => {
  let outdated = false;
  await page.routeWebSocket('**/ws/quotes', (socket) => {
    if (outdated) void socket.close({ code: 4406 });
    else socket.connectToServer();
  });
  await tryIt(page);
  outdated = true;
  await page.reload();
  await expect(page.getByTestId('banner-stale')).toContainText('This app is out of date.');
  await expect(await firstQuote(page)).toContainText('old');
  outdated = false;
  await page.getByText('Update', { exact: true }).tap();
  await expect(page.getByTestId('banner-stale')).toHaveCount(0);
});

test('a hidden tab asks less often, and more often when it is looked at', async ({ page }) => {
  const tap = await Tap.on(page);
  await tryIt(page);
  const look = (state: string) =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'visibilityState', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
  await look('hidden');
  await expect.poll(() => tap.ops('tune').at(-1)?.interval_ms).toBe(2_000);
  await look('visible');
  await expect.poll(() => tap.ops('tune').at(-1)?.interval_ms).toBe(250);
});

test('a chain is followed as far as it is looked at, without a jump', async ({ page }) => {
  const tap = await Tap.on(page);
  await tryIt(page);
  await openSymbol(page);
  await openChain(page);
  const windows = () => tap.ops('subscribe').flatMap((each) => (each.chain ? [each.chain] : []));
  await expect.poll(() => windows().at(-1)?.strikes?.around).toBe(20);
  const list = page.getByTestId('chain-list');
  await list.evaluate((element) => element.scrollBy(0, 1_200));
  await expect.poll(() => windows().at(-1)?.strikes?.around ?? 999).toBeGreaterThan(20);
  const top = () => list.evaluate((element) => element.scrollTop);
  const before = await top();
  const shown = await list.innerText();
  await expect.poll(() => list.innerText(), { timeout: 30_000 }).not.toBe(shown);
  // A line between rows may come or go above the view; the rows in it stand still.
  expect(Math.abs((await top()) - before)).toBeLessThanOrEqual(50);
});

for (const colorScheme of ['dark', 'light'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test('a sign-in elsewhere is told calmly, and leads to the devices', async ({ page }) => {
      const tap = await Tap.on(page);
      await tryIt(page);
      await expect.poll(() => tap.heard('events').length).toBe(1);
      const [, id] = tap.heard('events')[0] ?? [];
      const told = { session_id: 'of another device', client: 'web' };
      const happened = ['account', 'session_started', told, Date.now()];
      tap.socket.send(JSON.stringify(['event', id, 1_000_000, 0, ...happened]));
      await expect(page.getByTestId('sign-in-notice')).toContainText('New sign-in');
      await page.getByTestId('see-devices').tap();
      await expect(page.getByTestId('session-current')).toBeVisible();
      await expect(page.getByTestId('sign-in-notice')).toHaveCount(0);
    });
  });
}
