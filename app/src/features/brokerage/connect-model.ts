/** Connecting: what is asked for, and the words for each way it may end. Pure. */
import type {
  Brokerage,
  ConnectBegun,
  Connection,
  ReachedBrokerage,
  SignInField,
  SignInKind,
} from '@/api/types';
import { t } from '@/i18n/t';

/** Where brokers' pages come back to, on the web and as `optix://…` on a phone. */
export const CONNECTED_PATH = 'brokerages/connected';

/** What the sheet needs to know about what is connected, or signed in to again. */
export interface ConnectTarget {
  provider: string;
  label: string;
  kinds: readonly SignInKind[];
  simulated: boolean;
  /** An aggregator: which brokerage is asked first. */
  chooses: boolean;
  /** How long a sign-in holds; undefined where that is not known here. */
  loginSeconds?: number | null;
  connectionId?: string;
}

export function targetOf(brokerage: Brokerage): ConnectTarget {
  return {
    provider: brokerage.name,
    label: brokerage.label,
    kinds: brokerage.sign_in,
    simulated: brokerage.simulated,
    chooses: brokerage.asks_brokerages,
    loginSeconds: brokerage.login_seconds,
  };
}

/** The same way as the first time. */
export function reconnectTarget(connection: Connection): ConnectTarget {
  return {
    provider: connection.provider,
    label: connection.provider_label,
    kinds: [connection.sign_in],
    simulated: connection.simulated,
    chooses: false,
    connectionId: connection.id,
  };
}

export function isTyped(kind: SignInKind | undefined): boolean {
  return kind === 'signed_keys' || kind === 'personal_token';
}

/** Why a broker's page brought no connection, in words. */
export function problemWords(problem: string): string {
  if (problem === 'cancelled') return t('connect.cancelled');
  return t(problem === 'broker_refused' ? 'connect.refused' : 'connect.foreign');
}

/** Brokers that show a code name it as OAuth does; a broker's own name comes as a field. */
const CODE_NAME = 'oauth_verifier';

/** What has to be typed: the broker's fields, or the code that its page shows. */
export function fieldsOf({ fields, copies_code: copied }: ConnectBegun): SignInField[] {
  if (fields.length > 0 || !copied) return fields;
  return [{ name: CODE_NAME, label: t('connect.code'), concealed: false, help: '' }];
}

/** The trimmed values, or the names of those that are missing. */
export function filled(
  fields: readonly SignInField[],
  typed: Readonly<Record<string, string>>,
): { values: Record<string, string>; missing: string[] } {
  const values = Object.fromEntries(
    fields.map(({ name }) => [name, (typed[name] ?? '').trim()] as const),
  );
  return { values, missing: fields.map(({ name }) => name).filter((name) => values[name] === '') };
}

/** Those that can be chosen first, each group by name. */
export function sortedReached(all: readonly ReachedBrokerage[]): ReachedBrokerage[] {
  return [...all].sort(
    (one, other) =>
      Number(other.available) - Number(one.available) || one.label.localeCompare(other.label),
  );
}
