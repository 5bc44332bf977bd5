/**
 * Figures as OPTIX prints them: real minus sign, tabular-friendly, the unit beside or above.
 *
 * A number that does not exist is `null` and prints as an em dash; the caller keeps the reason in
 * reach. Nothing here reads a clock.
 */

export const MISSING = '—';
export const MINUS = '−';

export type Maybe = number | null | undefined;

export function isNumber(value: Maybe): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

function grouped(value: number, digits: number): string {
  const [whole = '0', fraction] = Math.abs(value).toFixed(digits).split('.');
  const commas = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return fraction === undefined ? commas : `${commas}.${fraction}`;
}

/** True when the value would print as zero, so that it carries no sign. */
export function roundsToZero(value: number, digits: number): boolean {
  return Number(Math.abs(value).toFixed(digits)) === 0;
}

/** A level: minus sign when negative, never a plus. */
export function fixed(value: Maybe, digits: number): string {
  if (!isNumber(value)) return MISSING;
  const sign = value < 0 && !roundsToZero(value, digits) ? MINUS : '';
  return sign + grouped(value, digits);
}

/** A change: always signed unless it rounds to zero. */
export function signed(value: Maybe, digits: number): string {
  if (!isNumber(value)) return MISSING;
  if (roundsToZero(value, digits)) return grouped(0, digits);
  return (value > 0 ? '+' : MINUS) + grouped(value, digits);
}

/** Prices of stocks and indices: four decimals below one dollar, two above. */
export function price(value: Maybe): string {
  if (!isNumber(value)) return MISSING;
  return fixed(value, Math.abs(value) < 1 && value !== 0 ? 4 : 2);
}

/** A price in two parts, so that the decimals can be printed smaller. */
export function priceParts(value: Maybe): { whole: string; fraction: string } {
  const text = price(value);
  const dot = text.lastIndexOf('.');
  return dot < 0
    ? { whole: text, fraction: '' }
    : { whole: text.slice(0, dot), fraction: text.slice(dot) };
}

/** Option premiums; a mid on half a tick is rounded half up for display only. */
export function premium(value: Maybe): string {
  if (!isNumber(value)) return MISSING;
  return fixed(Math.floor(value * 100 + 0.5 + 1e-9) / 100, 2);
}

/** A fraction as a percentage: 0.421 is `42.1%`. */
export function percent(fraction: Maybe, digits = 1): string {
  return isNumber(fraction) ? `${fixed(fraction * 100, digits)}%` : MISSING;
}

export function signedPercent(fraction: Maybe, digits = 2): string {
  return isNumber(fraction) ? `${signed(fraction * 100, digits)}%` : MISSING;
}

const COMPACT: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'K'],
];

/** Counts: in full below 10,000, then `38.1K`, `1.9M`, `1.87B`. */
export function compact(value: Maybe): string {
  if (!isNumber(value)) return MISSING;
  if (Math.abs(value) < 10_000) return fixed(value, 0);
  const unit = COMPACT.find(([size]) => Math.abs(value) >= size) ?? [1, ''];
  const scaled = value / unit[0];
  return fixed(scaled, unit[1] === 'B' || unit[1] === 'T' ? 2 : 1) + unit[1];
}

/** Strikes: as many decimals as the strike has. */
export function strike(value: number): string {
  const text = value.toFixed(3).replace(/\.?0+$/, '');
  const digits = text.includes('.') ? Math.max(1, text.split('.')[1]?.length ?? 0) : 0;
  return grouped(value, digits);
}

/** Axis labels: no more decimals than the step between the grid lines needs. */
export function axis(value: number, step: number): string {
  const digits = step >= 1 ? 0 : Math.min(4, Math.ceil(-Math.log10(step)));
  return fixed(value, digits);
}

/** Ages: `0.6 s`, `24 s`, `4 min`, `18 h 42 m`, `3 d`. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} m`;
  return `${Math.floor(hours / 24)} d`;
}

/** Signed direction of a change as it would print: -1, 0 or 1; null when there is none. */
export function direction(value: Maybe, digits = 2): -1 | 0 | 1 | null {
  if (!isNumber(value)) return null;
  if (roundsToZero(value, digits)) return 0;
  return value > 0 ? 1 : -1;
}
