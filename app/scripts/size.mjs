// Prints as JSON what the first screen of the built app needs: bytes of scripts, styles and fonts,
// gzip level 9, measured by loading the page in a browser (OPTIX_CHROMIUM, else Playwright's own).
import { createServer } from 'node:http';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const LIMIT = 600 * 1024;
const KIND = { '.js': 'js', '.css': 'css', '.woff2': 'fonts', '.html': 'html' };
const TYPE = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.html': 'text/html',
  '.woff2': 'font/woff2',
};

if (!existsSync(join(DIST, 'index.html'))) {
  console.error('There is no build. Run `npm run build` first.');
  process.exit(1);
}

function fileOf(path) {
  const file = join(DIST, decodeURIComponent(path));
  return file.startsWith(DIST) && existsSync(file) && statSync(file).isFile() ? file : null;
}

async function measured() {
  const { chromium } = await import('@playwright/test');
  const browser = await chromium.launch({
    executablePath: process.env.OPTIX_CHROMIUM || undefined,
    args: ['--no-sandbox', '--disable-gpu'],
  });
  const asked = new Set();
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://local').pathname;
    const file =
      fileOf(path) ??
      (extname(path) === '' && !path.startsWith('/api') ? join(DIST, 'index.html') : null);
    if (path === '/api/v1/app/config') {
      response.setHeader('content-type', 'application/json');
      response.end('{"environment":"development","try_it":true,"version":"0"}');
    } else if (file === null) {
      response.writeHead(404).end();
    } else {
      asked.add(file);
      response.setHeader('content-type', TYPE[extname(file)] ?? 'application/octet-stream');
      response.end(readFileSync(file));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.getByTestId('try-it').waitFor();
    await page.evaluate(() => document.fonts.ready);
  } finally {
    await browser.close();
    server.close();
  }
  return [...asked];
}

const files = await measured();
const sum = { html: 0, js: 0, css: 0, fonts: 0 };
for (const file of files) {
  const kind = KIND[extname(file)];
  if (kind !== undefined) sum[kind] += gzipSync(readFileSync(file), { level: 9 }).length;
}
const total = sum.html + sum.js + sum.css + sum.fonts;
console.log(
  JSON.stringify({
    html_gzip: sum.html,
    js_gzip: sum.js,
    css_gzip: sum.css,
    fonts_gzip: sum.fonts,
    first_screen_gzip: total,
    first_screen_gzip_kb: Math.round((total / 1024) * 10) / 10,
    limit: LIMIT,
  }),
);
process.exit(total <= LIMIT ? 0 : 1);
