/** Words and numbers of the providers page. */
import type { MarketProvider } from '@/api/types';
import { t, type WordKey } from '@/i18n/t';
import { fixed } from '@/lib/format';

type State = MarketProvider['state'];
type Kind = MarketProvider['serves'][number];

const STATES: Record<State, WordKey> = {
  live: 'providers.state.live',
  stale: 'providers.state.stale',
  down: 'providers.state.down',
  connecting: 'providers.state.connecting',
  idle: 'providers.state.idle',
  ended: 'providers.state.ended',
};

const KINDS: Record<Kind, WordKey> = {
  quotes: 'providers.kind.quotes',
  chains: 'providers.kind.chains',
  bars: 'providers.kind.bars',
  search: 'providers.kind.search',
  trades: 'providers.kind.trades',
  corporate_actions: 'providers.kind.corporate_actions',
  chain_history: 'providers.kind.chain_history',
};

const NONE = '—';

export function providerStateKey(state: State): WordKey {
  return STATES[state];
}

export function kindWords(kinds: readonly Kind[]): string {
  return kinds.map((kind) => t(KINDS[kind])).join(', ');
}

/** A span in the unit people read: milliseconds, seconds, minutes. */
export function secondsText(seconds: number | null): string {
  if (seconds === null) return NONE;
  if (seconds < 1) return `${fixed(seconds * 1000, 0)} ms`;
  if (seconds < 120) return `${fixed(seconds, 1)} s`;
  return `${fixed(seconds / 60, 0)} min`;
}

export function ratioText(ratio: number | null): string {
  return ratio === null ? NONE : `${fixed(ratio * 100, 1)} %`;
}

/** How much of a limit is used; only the number where there is no limit. */
export function loadText(used: number | null, most: number | null): string {
  if (used === null) return NONE;
  return most === null ? fixed(used, 0) : `${fixed(used, 0)} / ${fixed(most, 0)}`;
}

/** Counts by reason, the most frequent first. */
export function counts(
  byReason: Readonly<Record<string, number>>,
): { reason: string; count: number }[] {
  return Object.entries(byReason)
    .map(([reason, count]) => ({ reason, count }))
    .sort((one, other) => other.count - one.count || one.reason.localeCompare(other.reason));
}
