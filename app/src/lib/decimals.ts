/**
 * Money as the server sends it: decimal text, added and printed digit by digit, never as a float.
 *
 * Text that is no decimal, or missing, is null all the way. Pure.
 */
import { MINUS, MISSING } from '@/lib/format';

const DECIMAL = /^(-?)(\d+)(?:\.(\d*))?$/;

interface Scaled {
  units: bigint;
  digits: number;
}

function scaled(text: string | null): Scaled | null {
  const found = DECIMAL.exec(text ?? '');
  if (found === null) return null;
  const [, sign = '', whole = '', fraction = ''] = found;
  const units = BigInt(whole + fraction);
  return { units: sign === '-' ? -units : units, digits: fraction.length };
}

function decimalText({ units, digits }: Scaled): string {
  const sign = units < 0n ? '-' : '';
  const text = (units < 0n ? -units : units).toString().padStart(digits + 1, '0');
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** The exact sum; null where one of them is missing, for a sum that hides a gap is wrong. */
export function sumOf(texts: readonly (string | null)[]): string | null {
  let sum: Scaled = { units: 0n, digits: 0 };
  for (const text of texts) {
    const next = scaled(text);
    if (next === null) return null;
    const digits = Math.max(sum.digits, next.digits);
    const at = ({ units, digits: has }: Scaled) => units * 10n ** BigInt(digits - has);
    sum = { units: at(sum) + at(next), digits };
  }
  return decimalText(sum);
}

/** To cents, half away from zero, as brokers print it. */
function cents({ units, digits }: Scaled): bigint {
  if (digits <= 2) return units * 10n ** BigInt(2 - digits);
  const step = 10n ** BigInt(digits - 2);
  const half = units < 0n ? -step / 2n : step / 2n;
  return (units + half) / step;
}

const SYMBOLS: Readonly<Record<string, string>> = { USD: '$', EUR: '€', GBP: '£', CAD: 'CA$' };

function withCommas(whole: string): string {
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** `$71,904.18`, `−$12.40`, `CHF 10.00`; an em dash where there is none. */
export function money(text: string | null, currency: string): string {
  const value = scaled(text);
  if (value === null) return MISSING;
  const rounded = cents(value);
  const [whole = '0', fraction = '00'] = decimalText({
    units: rounded < 0n ? -rounded : rounded,
    digits: 2,
  }).split('.');
  const figure = `${withCommas(whole)}.${fraction}`;
  const symbol = SYMBOLS[currency];
  const sign = rounded < 0n ? MINUS : '';
  return symbol === undefined ? `${currency} ${sign}${figure}` : `${sign}${symbol}${figure}`;
}

/** A quantity or price with the digits it came with, trailing zeros left out. */
export function plainDecimal(text: string | null): string {
  const value = scaled(text);
  if (value === null) return MISSING;
  const [whole = '0', fraction = ''] = decimalText(value).replace('-', '').split('.');
  const kept = fraction.replace(/0+$/, '');
  const figure = withCommas(whole) + (kept === '' ? '' : `.${kept}`);
  return (value.units < 0n ? MINUS : '') + figure;
}

/** For shapes only, where a pixel is coarser than a float. */
export function approximate(text: string | null): number {
  return scaled(text) === null ? 0 : Number(text);
}
