/** What the gallery says about a brokerage: what it reads, how far it is proven, how often one signs in. Pure. */
import type { Brokerage, SignInKind } from '@/api/types';
import type { WordKey, WordValues } from '@/i18n/t';

const DAY_S = 86_400;
const YEAR_DAYS = 365;

const READS: Readonly<Record<string, WordKey>> = {
  balances: 'gallery.reads.balances',
  positions: 'gallery.reads.positions',
  orders: 'gallery.reads.orders',
  activities: 'gallery.reads.activities',
};

/** In one order, whatever the server says; what this app has no word for is left out. */
export function readKeys(reads: readonly string[]): WordKey[] {
  return Object.entries(READS).flatMap(([name, key]) => (reads.includes(name) ? [key] : []));
}

export interface Said {
  key: WordKey;
  values: WordValues;
}

/** How far back the history goes; null where none is read. */
export function historyWords({ reads, history_days: days }: Brokerage): Said | null {
  if (!reads.includes('activities')) return null;
  if (days === null) return { key: 'gallery.history.all', values: {} };
  const years = Math.floor(days / YEAR_DAYS);
  if (years === 1) return { key: 'gallery.history.year', values: {} };
  if (years > 1) return { key: 'gallery.history.years', values: { count: years } };
  return { key: 'gallery.history.days', values: { count: days } };
}

/** How often a person has to sign in again. */
export function loginWords(seconds: number | null): Said {
  if (seconds === null) return { key: 'gallery.login.stays', values: {} };
  const days = Math.floor(seconds / DAY_S);
  if (days === 1) return { key: 'gallery.login.daily', values: {} };
  if (days > 1) return { key: 'gallery.login.days', values: { count: days } };
  const hours = Math.max(1, Math.floor(seconds / 3_600));
  return { key: hours === 1 ? 'gallery.login.hour' : 'gallery.login.hours', values: { hours } };
}

const SIGN_INS: Readonly<Record<SignInKind, WordKey>> = {
  oauth2: 'gallery.signin.oauth2',
  oauth1: 'gallery.signin.oauth1',
  portal: 'gallery.signin.portal',
  signed_keys: 'gallery.signin.signed_keys',
  personal_token: 'gallery.signin.personal_token',
  local_gateway: 'gallery.signin.local_gateway',
};

export function signInKey(kind: SignInKind): WordKey {
  return SIGN_INS[kind];
}

const TIERS: Readonly<Record<string, WordKey>> = {
  gold: 'gallery.tier.gold',
  silver: 'gallery.tier.silver',
  bronze: 'gallery.tier.bronze',
};

/** Null for a tier that this app does not know: nothing is better than a wrong promise. */
export function tierKey(tier: string): WordKey | null {
  return Object.hasOwn(TIERS, tier) ? (TIERS[tier] ?? null) : null;
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '');
}

/** By a part of the name; "etrade" finds E*TRADE. */
export function found<T extends { name: string; label: string }>(
  all: readonly T[],
  search: string,
): T[] {
  const wanted = plain(search);
  return all.filter(({ name, label }) => `${plain(label)} ${plain(name)}`.includes(wanted));
}

/** Whether one more login may be added. */
export function mayAdd({ connections, several_logins: several }: Brokerage): boolean {
  return several || connections === 0;
}
