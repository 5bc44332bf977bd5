/** What the screens say about connections and their accounts. Pure. */
import type { BrokerAccount, Connection } from '@/api/types';
import type { FreshnessKind } from '@/design/freshness';
import type { Tone } from '@/design/text';
import { t } from '@/i18n/t';
import { exchangeDate, exchangeTime, shortDate } from '@/lib/dates';
import { approximate, money, sumOf } from '@/lib/decimals';
import { age, MISSING } from '@/lib/format';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface Said {
  text: string;
  tone: Tone;
}

/** `today 15:54`, `tomorrow 00:00`, `Nov 25`: a moment ahead or behind, in exchange time. */
export function momentText(iso: string, now: number): string {
  const at = Date.parse(iso);
  const day = exchangeDate(at);
  const time = exchangeTime(at, false);
  if (day === exchangeDate(now)) return t('brokerage.at.today', { time });
  if (day === exchangeDate(now + DAY_MS)) return t('brokerage.at.tomorrow', { time });
  return shortDate(day, now);
}

/** The line below a connection's name. */
export function stateWords(connection: Connection, now: number): Said {
  const { state, login_ends: ends, failing_since: since } = connection;
  switch (state) {
    case 'sign_in_needed':
      return ends !== null && Date.parse(ends) <= now
        ? { text: t('brokerage.state.ended', { at: momentText(ends, now) }), tone: 'danger' }
        : { text: t('brokerage.state.signin'), tone: 'danger' };
    case 'failing':
      return since === null
        ? { text: t('brokerage.state.failing'), tone: 'warning' }
        : { text: t('brokerage.state.since', { at: momentText(since, now) }), tone: 'warning' };
    case 'disconnected':
      return { text: t('brokerage.state.disconnected'), tone: 'tertiary' };
    case 'expiring':
    case 'connected': {
      if (ends === null) return { text: t('brokerage.state.stays'), tone: 'secondary' };
      const at = momentText(ends, now);
      return state === 'expiring'
        ? { text: t('brokerage.state.ends', { at }), tone: 'warning' }
        : { text: t('brokerage.state.again', { at }), tone: 'secondary' };
    }
  }
}

export interface RingLook {
  /** Of the sign-in's life, 0 to 1. */
  share: number;
  /** `5h`, `6d`, `0`; null where the sign-in has no end. */
  text: string | null;
  tone: 'accent' | 'warning' | 'danger' | 'tertiary';
}

const RING_FULL_MS = 7 * DAY_MS;

/** The ring is full at a week, or at a day where less than a day is left. */
export function ringOf(connection: Connection, now: number): RingLook {
  const { state, login_ends: ends } = connection;
  if (state === 'disconnected') return { share: 0, text: MISSING, tone: 'tertiary' };
  if (state === 'sign_in_needed') return { share: 0, text: '0', tone: 'danger' };
  const failing = state === 'failing';
  if (ends === null) return { share: 1, text: null, tone: failing ? 'warning' : 'accent' };
  const left = Math.max(0, Date.parse(ends) - now);
  const text =
    left >= DAY_MS
      ? `${Math.floor(left / DAY_MS)}d`
      : left >= HOUR_MS
        ? `${Math.floor(left / HOUR_MS)}h`
        : `${Math.ceil(left / 60_000)}m`;
  const full = left >= DAY_MS ? RING_FULL_MS : DAY_MS;
  const calm = left >= DAY_MS && !failing;
  return { share: Math.min(1, left / full), text, tone: calm ? 'accent' : 'warning' };
}

const URGENCY = ['sign_in_needed', 'failing', 'expiring', 'connected', 'disconnected'] as const;

/** What needs a person comes first; within that, by name. */
export function sortedConnections(connections: readonly Connection[]): Connection[] {
  return [...connections].sort(
    (one, other) =>
      URGENCY.indexOf(one.state) - URGENCY.indexOf(other.state) ||
      one.label.localeCompare(other.label),
  );
}

export function needsSignIn({ state }: Connection): boolean {
  return state === 'sign_in_needed' || state === 'expiring';
}

/** Whether new numbers are on their way: a reading is under way, or the first one is about to be. */
export function isReading({ state, syncing, last_sync_at: last }: Connection): boolean {
  return syncing || (last === null && (state === 'connected' || state === 'expiring'));
}

/** Whether its numbers are as new as its broker gives them. */
export function isCurrent(connection: Connection): boolean {
  const works = connection.state === 'connected' || connection.state === 'expiring';
  return works && connection.accounts.every((account) => !account.stale);
}

/** The value in words, one sum for each currency, dollars first; an em dash where a part is missing. */
export function valueWords(accounts: readonly BrokerAccount[]): string[] {
  const currencies = [...new Set(accounts.map(({ currency }) => currency))].sort(
    (one, other) => Number(other === 'USD') - Number(one === 'USD') || one.localeCompare(other),
  );
  if (currencies.length === 0) return [MISSING];
  return currencies.map((currency) => {
    const own = accounts.filter((account) => account.currency === currency);
    return money(sumOf(own.map((account) => account.net_liquidation)), currency);
  });
}

/** The oldest moment that a number of these accounts is from; null where nothing was read yet. */
export function oldestMs(accounts: readonly BrokerAccount[]): number | null {
  const known = accounts.flatMap(({ as_of }) => (as_of === null ? [] : [Date.parse(as_of)]));
  return known.length === 0 ? null : Math.min(...known);
}

export interface AgeMark {
  kind: FreshnessKind;
  text: string;
}

/** How the number beside it is marked: `live` only what is as new as its broker gives it. */
export function ageMark(asOfMs: number | null, stale: boolean, now: number): AgeMark {
  if (asOfMs === null) return { kind: 'offline', text: t('brokerage.never') };
  const words = age(now - asOfMs);
  return stale
    ? { kind: 'stale', text: t('fresh.old', { age: words }) }
    : { kind: 'live', text: words };
}

export interface Share {
  id: string;
  label: string;
  /** Of all value, 0 to 1. */
  share: number;
  current: boolean;
}

export interface Summary {
  connected: number;
  of: number;
  shares: readonly Share[];
  /** Of all value, 0 to 1; null where there is no value to speak of. */
  live: number | null;
}

/** The head of the list. Shares are of dollars: other currencies have no common measure here. */
export function summaryOf(connections: readonly Connection[]): Summary {
  const held = connections.filter(({ state }) => state !== 'disconnected');
  const works = held.filter(({ state }) => state === 'connected' || state === 'expiring');
  const worth = held.map((connection) => {
    const own = connection.accounts.filter(({ currency }) => currency === 'USD');
    const value = approximate(sumOf(own.map((account) => account.net_liquidation)));
    return { connection, value: Math.max(0, value) };
  });
  const total = worth.reduce((sum, { value }) => sum + value, 0);
  if (total === 0) return { connected: works.length, of: held.length, shares: [], live: null };
  const shares = worth
    .filter(({ value }) => value > 0)
    .map(({ connection, value }) => ({
      id: connection.id,
      label: connection.label,
      share: value / total,
      current: isCurrent(connection),
    }));
  const live = shares.reduce((sum, { share, current }) => sum + (current ? share : 0), 0);
  return { connected: works.length, of: held.length, shares, live };
}

/** `Margin ·· 4821`: what tells two accounts of one broker apart. */
export function accountWords({ name, kind, number }: BrokerAccount): string {
  const digits = number.replace(/[^0-9A-Za-z]/g, '').slice(-4);
  const title = name.trim() || kind;
  return digits === '' ? title : `${title} ·· ${digits}`;
}

/** `S`, `IB`: the tile that stands for a broker in place of a logo. */
export function monogram(label: string): string {
  const words = label.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const [first = '', second = ''] = words;
  const letters = words.length > 1 ? first.charAt(0) + second.charAt(0) : first.slice(0, 2);
  return letters.toUpperCase();
}

/** How an exchange of the log ended: refused and unanswered stand out. */
export function exchangeTone({ status }: { status: number | null }): Tone {
  if (status === null || status >= 500) return 'danger';
  return status >= 400 ? 'warning' : 'secondary';
}
