/** The mails a development server writes into its folder, which `OPTIX_E2E_MAIL` names. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@playwright/test';

function folder(): string {
  const path = process.env.OPTIX_E2E_MAIL;
  test.skip(path === undefined, 'OPTIX_E2E_MAIL does not say where the mails are.');
  return path ?? '';
}

function decoded(part: string): string {
  const [head = '', ...rest] = part.split(/\r?\n\r?\n/);
  const body = rest.join('\n\n');
  if (/content-transfer-encoding: base64/i.test(head)) {
    return Buffer.from(body, 'base64').toString('utf8');
  }
  if (!/content-transfer-encoding: quoted-printable/i.test(head)) return body;
  return body
    .replace(/=\r?\n/g, '')
    .replace(/=([0-9A-F]{2})/gi, (_whole, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

/** The plain text of every mail to `address`, oldest first. */
function mailsTo(address: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder());
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith(`${address}.eml`))
    .sort()
    .map((name) => {
      const raw = readFileSync(join(folder(), name), 'utf8');
      const boundary = /boundary="?([^"\r\n;]+)"?/i.exec(raw)?.[1];
      const parts = boundary === undefined ? [raw] : raw.split(`--${boundary}`);
      return decoded((parts.find((part) => /text\/plain/i.test(part)) ?? raw).trimStart());
    });
}

/** What `pattern` finds in the newest mail to `address`, after `known` mails were there already. */
async function inMail(address: string, pattern: RegExp, known: number): Promise<string> {
  let found: string | undefined;
  await expect
    .poll(() => {
      found = mailsTo(address)
        .slice(known)
        .map((text) => pattern.exec(text)?.[0])
        .findLast((each) => each !== undefined);
      return found;
    })
    .toBeDefined();
  return found ?? '';
}

export function countMails(address: string): number {
  return mailsTo(address).length;
}

/** The eight digits, with the space people read them by. */
export function codeFor(address: string, known = 0): Promise<string> {
  return inMail(address, /\b\d{4} \d{4}\b/, known);
}

export function resetLinkFor(address: string, known = 0): Promise<string> {
  return inMail(address, /https?:\/\/\S+\/reset-password#token=\S+/, known);
}
