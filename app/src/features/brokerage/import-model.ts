/** What the preview of a file says: verdicts, what is counted, which rows are shown. Pure. */
import type { FileImport, FileImportHead, ImportRow, RowVerdict } from '@/api/brokerage-wire';
import type { Tone } from '@/design/text';
import { t, type WordKey } from '@/i18n/t';
import { money, plainDecimal } from '@/lib/decimals';

/** What the server takes; a larger file is not even sent. */
export const FILE_BYTES_MAX = 10 * 1024 * 1024;

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
  undone: { key: 'import.state.undone', tone: 'tertiary' },
  discarded: { key: 'import.state.discarded', tone: 'tertiary' },
};

export function importState(state: FileImport['state']): { key: WordKey; tone: Tone } {
  return STATES[state];
}

const KILOBYTE = 1024;

/** `812 KB`, `3.4 MB`. */
export function sizeWords(bytes: number): string {
  if (bytes < KILOBYTE * KILOBYTE) return `${Math.max(1, Math.round(bytes / KILOBYTE))} KB`;
  return `${(bytes / KILOBYTE / KILOBYTE).toFixed(1)} MB`;
}

export const FORMATS = [
  'auto',
  'fidelity',
  'robinhood',
  'schwab',
  'webull',
  'ibkr_flex',
  'ofx',
] as const;

export type FormatChoice = (typeof FORMATS)[number];

const FORMAT_WORDS: Readonly<Record<FormatChoice, WordKey>> = {
  auto: 'import.format.auto',
  fidelity: 'import.format.fidelity',
  robinhood: 'import.format.robinhood',
  schwab: 'import.format.schwab',
  webull: 'import.format.webull',
  ibkr_flex: 'import.format.ibkr_flex',
  ofx: 'import.format.ofx',
};

/** The server's own word for a format that this app does not know. */
export function formatWords(format: string): string {
  const known = FORMATS.find((each) => each === format);
  return known === undefined ? format : t(FORMAT_WORDS[known]);
}
