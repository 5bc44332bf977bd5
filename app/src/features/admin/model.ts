/** What the pages of administration say about an account and an event. Pure. */
import type { AdminUser, AuditEvent } from '@/api/types';
import type { Tone } from '@/design/text';
import type { WordKey } from '@/i18n/t';

/** The one thing worth saying about an account in a list. */
export function userState(user: AdminUser): { key: WordKey | null; tone: Tone } {
  if (user.disabled_at !== null) return { key: 'admin.user.disabled', tone: 'warning' };
  if (user.role === 'admin') return { key: 'admin.user.role.admin', tone: 'accent' };
  return { key: null, tone: 'secondary' };
}

/** `Nov 22, 14:03:09 UTC`: the trail is read next to logs, which are in UTC. */
export function eventTime(iso: string): string {
  const [date = '', time = ''] = new Date(iso).toISOString().split('T');
  return `${date} ${time.slice(0, 8)} UTC`;
}

/** Details as `name value` pairs; what has no value is left out. */
export function detailWords(detail: AuditEvent['detail']): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(' · ');
}
