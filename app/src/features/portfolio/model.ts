/** What the portfolio screens say. Pure; money is added digit by digit. */
import type { FreshnessKind } from '@/design/freshness';
import type {
  Portfolio,
  PortfolioAccount,
  Position,
  TotalGreeks,
  Transaction,
} from '@/features/portfolio/api';
import { t, type WordKey } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import { approximate, money, plainDecimal, sumOf } from '@/lib/decimals';
import { age, MINUS, MISSING, roundsToZero, signed, strike } from '@/lib/format';

const DAY_MS = 86_400_000;

export type Asset = Position['asset'];

/** A gain with its sign: `+$365.00`; a level has none. */
export function gainText(text: string | null, currency: string): string {
  if (text === null) return MISSING;
  const figure = money(text.replace('-', ''), currency);
  const value = approximate(text);
  if (roundsToZero(value, 2)) return figure;
  return (value > 0 ? '+' : MINUS) + figure;
}

/** Whole dollars with their sign, as the strip prints Greeks. */
export function dollars(value: number): string {
  const figure = signed(value, 0);
  return /^[+−]/.test(figure) ? `${figure.slice(0, 1)}$${figure.slice(1)}` : `$${figure}`;
}

export interface Head {
  currency: string;
  value: string | null;
  day: string | null;
  /** Of the value at the previous close; null where that is not known. */
  fraction: number | null;
  unvalued: number;
}

/** One head for each currency, dollars first. */
export function headsOf({ totals }: Portfolio): Head[] {
  const sorted = [...totals].sort(
    (one, other) =>
      Number(other.currency === 'USD') - Number(one.currency === 'USD') ||
      one.currency.localeCompare(other.currency),
  );
  return sorted.map((each) => {
    const value = approximate(each.net_liquidation);
    const day = approximate(each.day_change);
    const known = each.net_liquidation !== null && each.day_change !== null;
    return {
      currency: each.currency,
      value: each.net_liquidation,
      day: each.day_change,
      fraction: known && value - day > 0 ? day / (value - day) : null,
      unvalued: each.unvalued,
    };
  });
}

export interface Mark {
  kind: FreshnessKind;
  text: string;
}

export function accountMark(account: PortfolioAccount, now: number): Mark {
  if (account.as_of === null) return { kind: 'offline', text: t('portfolio.reading') };
  const words = age(now - Date.parse(account.as_of));
  if (account.stale) return { kind: 'stale', text: t('fresh.old', { age: words }) };
  return { kind: account.simulated ? 'simulated' : 'live', text: words };
}

/** `SPY Dec 18 600C` for a contract, the symbol for everything else. */
export function assetName(asset: Asset): string {
  const { underlying, expiration, right, strike: at } = asset;
  if (underlying === null || expiration === null || right === null || at === null) {
    return asset.symbol;
  }
  return `${underlying} ${shortDate(expiration)} ${strike(at)}${right}`;
}

/** What is held of it and how long it lives: `−2 · 29d`. */
export function heldWords(position: Position, now: number): string {
  const { asset, quantity, size, mark } = position;
  const figure = plainDecimal(quantity);
  const held =
    quantity === null
      ? t('portfolio.size', { size: plainDecimal(size) })
      : asset.expiration !== null
        ? figure
        : asset.kind === 'stock' || asset.kind === 'etf'
          ? t('portfolio.shares', { quantity: figure })
          : t('portfolio.units', { quantity: figure });
  return [held, lifeWords(asset, now), markWords(mark.source)]
    .filter((part) => part !== '')
    .join(' · ');
}

function lifeWords({ expiration }: Asset, now: number): string {
  if (expiration === null) return '';
  // Noon keeps the day whatever the zone of the device is.
  const days = Math.round((Date.parse(`${expiration}T12:00:00Z`) - now) / DAY_MS);
  return days < 0 ? t('portfolio.expired') : t('portfolio.days', { days });
}

function markWords(source: Position['mark']['source']): string {
  if (source === null) return t('portfolio.mark.none');
  if (source === 'last') return t('portfolio.mark.last');
  if (source === 'model') return t('portfolio.mark.model');
  return source === 'broker' ? t('portfolio.mark.broker') : '';
}

export interface Group {
  /** The underlying, or null for what has none. */
  symbol: string | null;
  positions: readonly Position[];
  day: string | null;
  currency: string;
}

/** By underlying, the largest change of the day first; what has no underlying comes last. */
export function groupsOf(positions: readonly Position[]): Group[] {
  const groups = new Map<string, Position[]>();
  for (const each of positions) {
    const name = each.asset.underlying ?? '';
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  const found = [...groups].map(([symbol, own]) => ({
    symbol: symbol === '' ? null : symbol,
    positions: own,
    day: sumOf(own.map((each) => each.day_change)),
    currency: own[0]?.asset.currency ?? 'USD',
  }));
  const weight = (group: Group) => Math.abs(approximate(group.day));
  return found.sort(
    (one, other) =>
      Number(one.symbol === null) - Number(other.symbol === null) ||
      weight(other) - weight(one) ||
      (one.symbol ?? '').localeCompare(other.symbol ?? ''),
  );
}

export function countWords(groups: readonly Group[]): string {
  const positions = groups.reduce((sum, group) => sum + group.positions.length, 0);
  const symbols = groups.filter(({ symbol }) => symbol !== null).length;
  return symbols === 1
    ? t('portfolio.positions.one', { positions })
    : t('portfolio.positions.count', { positions, symbols });
}

const REASONS: Readonly<Record<string, WordKey>> = {
  direction_unknown: 'portfolio.missing.direction_unknown',
  not_modelled: 'portfolio.missing.not_modelled',
  no_quote: 'portfolio.missing.no_quote',
  no_underlying_price: 'portfolio.missing.no_underlying_price',
  unknown_contract: 'portfolio.missing.unknown_contract',
  expired_contract: 'portfolio.missing.expired_contract',
};

/** Why some positions are not in the Greeks; null where all are. */
export function coverageWords({ covered, total, missing }: TotalGreeks): string | null {
  if (covered === total) return null;
  const reasons = missing.map(({ reason, positions }) =>
    t('portfolio.missing', {
      count: positions,
      reason: t(REASONS[reason] ?? 'portfolio.missing.other'),
    }),
  );
  return t('portfolio.covered', { covered, total, reasons: reasons.join(', ') });
}

/** `Bought 2 SPY Dec 18 600C at 9.55`. */
export function transactionWords(line: Transaction): string {
  const traded = line.kind === 'trade';
  const out = (line.quantity ?? '').startsWith('-');
  const verb = traded
    ? t(out ? 'history.kind.trade.out' : 'history.kind.trade.in')
    : t(`history.kind.${line.kind}` as WordKey);
  const quantity = line.quantity === null ? '' : plainDecimal(line.quantity.replace('-', ''));
  const name = line.asset === null ? '' : assetName(line.asset);
  const price = line.price === null ? '' : t('history.price', { price: plainDecimal(line.price) });
  return [verb, quantity, name, price].filter((part) => part !== '').join(' ');
}

/** What is to be known of a line beside its amount. */
export function transactionNote(line: Transaction): string {
  return [
    line.disputed ? t('history.disputed') : '',
    line.status === 'pending' ? t('history.pending') : '',
    line.source === 'import' ? t('history.imported') : '',
  ]
    .filter((part) => part !== '')
    .join(' · ');
}
