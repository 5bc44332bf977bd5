/** Words for the state of account and feed. Pure. */
import type { FeedStatus, User } from '@/api/types';
import type { WordKey } from '@/i18n/t';
import type { ConnectionState } from '@/stream/world';

export function initials(user: User): string {
  const source = user.display_name.trim() || user.email;
  const parts = source.split(/[\s@._-]+/).filter((part) => part !== '');
  const letters = [parts[0]?.[0], source.includes(' ') ? parts[1]?.[0] : undefined];
  return letters.filter(Boolean).join('').toUpperCase() || '?';
}

export function roleKey(role: User['role']): WordKey {
  return role === 'admin' ? 'you.role.admin' : 'you.role.user';
}

export function feedStateKey(state: FeedStatus['state']): WordKey {
  return `you.state.${state}`;
}

export function streamKey(state: ConnectionState): WordKey {
  return `you.stream.${state}`;
}
