/**
 * The wire of brokerages until the generated schema has it: then `brokerageApi` becomes `api`, the
 * types come from `Schemas` in `types.ts`, and this file goes.
 *
 * Money and quantities are decimal text, moments are ISO 8601, days are `YYYY-MM-DD`.
 */
import type { Client } from 'openapi-fetch';

import { api } from '@/api/client';

export type SignInKind =
  'oauth2' | 'oauth1' | 'portal' | 'signed_keys' | 'personal_token' | 'local_gateway';

/** One brokerage that this installation can connect to. */
export interface Brokerage {
  name: string;
  label: string;
  sign_in: SignInKind[];
  reads: string[];
  history_days: number | null;
  tier: string;
  simulated: boolean;
  several_logins: boolean;
  asks_brokerages: boolean;
  webhooks: boolean;
  login_seconds: number | null;
  sync_seconds_min: number;
  connections: number;
}

/** One brokerage that an aggregator reaches. */
export interface ReachedBrokerage {
  name: string;
  label: string;
  available: boolean;
  note: string;
}

export interface SignInField {
  name: string;
  label: string;
  secret: boolean;
  help: string;
}

export interface ConnectBegun {
  url: string | null;
  fields: SignInField[];
  copies_code: boolean;
  handle: string;
  code: string | null;
  expires_in_seconds: number;
}

export interface ConnectQuestion {
  kind?: SignInKind;
  client: 'web' | 'native';
  brokerage?: string;
  connection_id?: string;
}

export interface BrokerProblem {
  code: string;
  detail: string;
  next_step: string;
}

export interface BrokerAccount {
  id: string;
  number: string;
  name: string;
  kind: string;
  currency: string;
  brokerage: string;
  status: string;
  simulated: boolean;
  as_of: string | null;
  complete: boolean;
  stale: boolean;
  net_liquidation: string | null;
  positions: number;
  activities: number;
  first_activity: string | null;
  problem: BrokerProblem | null;
}

export type ConnectionState =
  'connected' | 'expiring' | 'sign_in_needed' | 'failing' | 'disconnected';

export interface Connection {
  id: string;
  provider: string;
  provider_label: string;
  label: string;
  state: ConnectionState;
  simulated: boolean;
  sign_in: SignInKind;
  login_ends: string | null;
  failing_since: string | null;
  problem: BrokerProblem | null;
  last_sync_at: string | null;
  next_sync_at: string | null;
  syncing: boolean;
  accounts: BrokerAccount[];
}

/** One exchange with the broker, without anything secret. */
export interface Exchange {
  at: string;
  method: string;
  path: string;
  status: number | null;
  milliseconds: number;
  note: string;
}

export type RowVerdict = 'new' | 'known' | 'unreadable' | 'ignored';

export interface ImportedActivity {
  kind: string;
  day: string;
  symbol: string | null;
  quantity: string | null;
  price: string | null;
  cash: string;
  currency: string;
  description: string;
}

export interface ImportRow {
  line: number;
  /** Place in `accounts`, from 0. */
  account: number;
  verdict: RowVerdict;
  why: string;
  activity: ImportedActivity | null;
}

export type ImportState = 'preview' | 'confirmed';

export interface ImportAccount {
  number: string;
  name: string;
  currency: string;
  /** Where it goes; null: to an account that is made. */
  account: string | null;
}

export interface FileImport {
  id: string;
  format: string;
  broker: string;
  broker_label: string;
  file_name: string;
  state: ImportState;
  accounts: ImportAccount[];
  counts: Record<RowVerdict, number>;
  created_at: string;
  confirmed_at: string | null;
  rows: ImportRow[];
  next: string | null;
}

export type FileImportHead = Omit<FileImport, 'rows' | 'next'>;

interface Json<T> {
  content: { 'application/json': T };
}

interface Answers<T> {
  responses: { 200: Json<T> };
}

interface Ask<Path, Query = never> {
  parameters: {
    path: Path;
    query?: Query;
    header?: Record<string, string>;
  };
}

type Id = { id: string };
type Provider = { provider: string };
type Page = { cursor?: string };

export interface BrokeragePaths {
  '/api/v1/brokerages': { get: Answers<{ brokerages: Brokerage[] }> };
  '/api/v1/brokerages/{provider}/reached': {
    get: Ask<Provider> & Answers<{ brokerages: ReachedBrokerage[] }>;
  };
  '/api/v1/brokerages/{provider}/connect': {
    post: Ask<Provider> & { requestBody: Json<ConnectQuestion> } & Answers<ConnectBegun>;
  };
  '/api/v1/brokerages/{provider}/finish': {
    post: Ask<Provider> & {
      requestBody: Json<{ handle: string; code: string; values: Record<string, string> }>;
    } & Answers<Connection>;
  };
  '/api/v1/brokerages/connections': { get: Answers<{ connections: Connection[] }> };
  '/api/v1/brokerages/connections/{id}': {
    get: Ask<Id> & Answers<Connection>;
    patch: Ask<Id> & { requestBody: Json<{ label: string }> } & Answers<Connection>;
  };
  '/api/v1/brokerages/connections/{id}/sync': { post: Ask<Id> & Answers<{ asked: number }> };
  '/api/v1/portfolio/sync': { post: Answers<{ asked: number }> };
  '/api/v1/brokerages/{id}/disconnect': {
    delete: Ask<Id, { history: 'keep' | 'delete' }> & { responses: { 204: object } };
  };
  '/api/v1/brokerages/connections/{id}/log': {
    get: Ask<Id, Page> & Answers<{ exchanges: Exchange[]; next: string | null }>;
  };
  '/api/v1/brokerages/connections/{id}/log/export': {
    get: Ask<Id> & { responses: { 200: { content: { 'text/plain': string } } } };
  };
  '/api/v1/brokerages/imports': {
    get: Answers<{ imports: FileImportHead[] }>;
    post: {
      parameters: {
        query: { format: string; account?: string[] };
        header: { 'X-File-Name': string };
      };
      requestBody: { content: { 'application/octet-stream': Uint8Array } };
    } & Answers<FileImport>;
  };
  '/api/v1/brokerages/imports/{id}': {
    get: Ask<Id, Page> & Answers<FileImport>;
    delete: Ask<Id> & { responses: { 204: object } };
  };
  '/api/v1/brokerages/imports/{id}/confirm': { post: Ask<Id> & Answers<FileImport> };
}

export const brokerageApi = api as unknown as Client<BrokeragePaths>;
