/** What the preview of a file says: verdicts, what is counted, which rows are shown. Pure. */
import type { FileImport, FileImportHead, ImportRow, RowVerdict } from '@/api/types';
import type { Tone } from '@/design/text';
import { t, type WordKey } from '@/i18n/t';
import { money, plainDecimal } from '@/lib/decimals';
import { MISSING } from '@/lib/format';

/** What the server takes; a larger file is not even sent. */
export const FILE_BYTES_MAX = 8 * 1024 * 1024;

export type RowFilter = 'all' | 'new' | 'known' | 'problems';

const VERDICTS: Readonly<Record<RowFilter, readonly RowVerdict[]>> = {
  all: ['new', 'known', 'unreadable', 'ignored'],
  new: ['new'],
  known: ['known'],
  problems: ['unreadable', 'ignored'],
};

export const FILTERS = [
  { value: 'all', key: 'import.filter.all' },
  { value: 'new', key: 'import.filter.new' },
  { value: 'known', key: 'import.filter.known' },
  { value: 'problems', key: 'import.filter.problems' },
] as const;

export function countOf(filter: RowFilter, counts: FileImportHead['counts']): number {
  return VERDICTS[filter].reduce((sum, verdict) => sum + counts[verdict], 0);
}

export function rowsOf(filter: RowFilter, rows: readonly ImportRow[]): ImportRow[] {
  return rows.filter(({ verdict }) => VERDICTS[filter].includes(verdict));
}

const LOOK: Readonly<Record<RowVerdict, { key: WordKey; tone: Tone }>> = {
  new: { key: 'import.verdict.new', tone: 'accent' },
  known: { key: 'import.verdict.known', tone: 'tertiary' },
  unreadable: { key: 'import.verdict.unreadable', tone: 'danger' },
  ignored: { key: 'import.verdict.ignored', tone: 'warning' },
};

export function verdictLook(verdict: RowVerdict): { key: WordKey; tone: Tone } {
  return LOOK[verdict];
}

/** `Trade · NVDA · 10 × 184.62`; what is not there is left out. */
export function activityWords({ activity }: ImportRow): string {
  if (activity === null) return '';
  const { kind, symbol, quantity, price, description } = activity;
  const amount = quantity === null ? null : plainDecimal(quantity);
  const traded = amount !== null && price !== null ? `${amount} × ${plainDecimal(price)}` : amount;
  const told = symbol === null && traded === null ? description : null;
  const name = kind.charAt(0).toUpperCase() + kind.slice(1).replace(/_/g, ' ');
  return [name, symbol, traded, told].filter(Boolean).join(' · ');
}

export function cashWords({ activity }: ImportRow): string {
  return activity === null ? '' : money(activity.cash, activity.currency);
}

const STATES: Readonly<Record<FileImport['state'], { key: WordKey; tone: Tone }>> = {
  preview: { key: 'import.state.preview', tone: 'warning' },
  confirmed: { key: 'import.state.confirmed', tone: 'accent' },
};

export function importState(state: FileImport['state']): { key: WordKey; tone: Tone } {
  return STATES[state];
}

/** `Individual X••4821, known` or `… a new account`: where the rows go. */
export function accountsWords(accounts: FileImportHead['accounts']): string {
  return accounts
    .map(({ name, number, account }) => {
      const who = [name, number].filter(Boolean).join(' ') || MISSING;
      return t(account === null ? 'import.account.new' : 'import.account.known', { who });
    })
    .join('\n');
}

const KILOBYTE = 1024;

/** `812 KB`, `3.4 MB`. */
export function sizeWords(bytes: number): string {
  if (bytes < KILOBYTE * KILOBYTE) return `${Math.max(1, Math.round(bytes / KILOBYTE))} KB`;
  return `${(bytes / KILOBYTE / KILOBYTE).toFixed(1)} MB`;
}

export const FORMATS = [
  'auto',
  'fidelity_csv',
  'robinhood_csv',
  'schwab_csv',
  'webull_csv',
  'ibkr_flex',
  'ofx',
] as const;

export type FormatChoice = (typeof FORMATS)[number];

const FORMAT_WORDS: Readonly<Record<FormatChoice, WordKey>> = {
  auto: 'import.format.auto',
  fidelity_csv: 'import.format.fidelity',
  robinhood_csv: 'import.format.robinhood',
  schwab_csv: 'import.format.schwab',
  webull_csv: 'import.format.webull',
  ibkr_flex: 'import.format.ibkr_flex',
  ofx: 'import.format.ofx',
};

/** The server's own word for a format that this app does not know. */
export function formatWords(format: string): string {
  const known = FORMATS.find((each) => each === format);
  return known === undefined ? format : t(FORMAT_WORDS[known]);
}
