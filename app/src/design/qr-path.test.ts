// Drawn back into modules, the path is the code again.
import { encode } from 'uqr';

import { qrPath } from '@/design/qr-path';

function drawn(path: string, side: number): boolean[][] {
  const rows = Array.from({ length: side }, () => Array.from({ length: side }, () => false));
  for (const [, x, y, width] of path.matchAll(/M(\d+) (\d+)h(\d+)v1H\d+z/g)) {
    for (let at = 0; at < Number(width); at += 1) {
      const row = rows[Number(y)];
      if (row) row[Number(x) + at] = true;
    }
  }
  return rows;
}

test('every dark module is drawn, and no other', () => {
  const code = encode('otpauth://totp/OPTIX:ada@example.com?secret=JBSWY3DPEHPK3PXP', {
    border: 4,
  });
  expect(drawn(qrPath(code.data), code.size)).toEqual(code.data);
});

test('runs are one rectangle each', () => {
  expect(qrPath([[true, true, false, true]])).toBe('M0 0h2v1H0zM3 0h1v1H3z');
  expect(qrPath([[false]])).toBe('');
});
