/** Dates and times in exchange time. Dates of contracts are plain `YYYY-MM-DD` strings. */

const EXCHANGE_ZONE = 'America/New_York';
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAY_MS = 86_400_000;
const NAMED_WITHOUT_YEAR_DAYS = 330;

export function isIsoDate(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

/** Noon UTC of a plain date: the same calendar day in every American and European zone. */
export function dateMs(iso: string): number {
  return Date.parse(`${iso}T12:00:00Z`);
}

/** `Dec 18`, with the year when the date is not within eleven months of `now`. */
export function shortDate(iso: string, nowMs = Date.now()): string {
  const [year = '', month = '1', day = '1'] = iso.slice(0, 10).split('-');
  const text = `${MONTHS[Number(month) - 1] ?? month} ${Number(day)}`;
  const far = Math.abs(dateMs(iso.slice(0, 10)) - nowMs) > NAMED_WITHOUT_YEAR_DAYS * DAY_MS;
  return far ? `${text}, ${year}` : text;
}

/** Month name of an axis tick; January carries its year. */
export function monthTick(iso: string): string {
  const [year = '', month = '1'] = iso.split('-');
  const name = MONTHS[Number(month) - 1] ?? month;
  return month === '01' ? `${name} ’${year.slice(2)}` : name;
}

const partsFormat = new Intl.DateTimeFormat('en-US', {
  timeZone: EXCHANGE_ZONE,
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

function exchangeParts(ms: number): Record<string, string> {
  const parts: Record<string, string> = {};
  for (const part of partsFormat.formatToParts(ms)) parts[part.type] = part.value;
  return parts;
}

/** `10:42:07` in exchange time; say ET once per screen. */
export function exchangeTime(ms: number, seconds = true): string {
  const p = exchangeParts(ms);
  return seconds ? `${p.hour}:${p.minute}:${p.second}` : `${p.hour}:${p.minute}`;
}

/** The calendar date at the exchange. */
export function exchangeDate(ms: number): string {
  const p = exchangeParts(ms);
  return `${p.year}-${p.month}-${p.day}`;
}

/** The plain date `days` before or after another. */
export function addDays(iso: string, days: number): string {
  return new Date(dateMs(iso) + days * DAY_MS).toISOString().slice(0, 10);
}
