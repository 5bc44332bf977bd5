/** Words of the app. One language today; another is another table of the same keys. */
import { account } from '@/i18n/en/account';
import { admin } from '@/i18n/en/admin';
import { agreement } from '@/i18n/en/agreement';
import { auth } from '@/i18n/en/auth';
import { brokerage } from '@/i18n/en/brokerage';
import { chain } from '@/i18n/en/chain';
import { markets } from '@/i18n/en/markets';
import { portfolio } from '@/i18n/en/portfolio';
import { security } from '@/i18n/en/security';
import { symbol } from '@/i18n/en/symbol';
import { shared } from '@/i18n/en/words';

const words = {
  ...shared,
  ...auth,
  ...markets,
  ...symbol,
  ...chain,
  ...account,
  ...security,
  ...admin,
  ...agreement,
  ...brokerage,
  ...portfolio,
} as const;

export type WordKey = keyof typeof words;
export type WordValues = Readonly<Record<string, string | number>>;

export interface WordPart {
  text: string;
  /** True for a filled-in value, which a sentence may print stronger. */
  value: boolean;
}

/** The words of a key with its values kept apart. */
export function parts(key: WordKey, values: WordValues): WordPart[] {
  return words[key].split(/(\{\w+\})/).flatMap<WordPart>((piece) => {
    const name = /^\{(\w+)\}$/.exec(piece)?.[1];
    if (name === undefined) return piece === '' ? [] : [{ text: piece, value: false }];
    return [{ text: String(values[name] ?? piece), value: true }];
  });
}

export function t(key: WordKey, values: WordValues = {}): string {
  return words[key].replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : String(value);
  });
}
