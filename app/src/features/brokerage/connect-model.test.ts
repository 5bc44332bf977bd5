// What connecting asks for, and the words for each way it may end.
import type { ConnectBegun } from '@/api/types';
import {
  fieldsOf,
  filled,
  isTyped,
  problemWords,
  reconnectTarget,
  sortedReached,
  targetOf,
} from '@/features/brokerage/connect-model';
import { brokerage, connection } from '@/features/brokerage/test-brokerage';
import { t } from '@/i18n/t';

const begun = (values: Partial<ConnectBegun>): ConnectBegun => ({
  url: null,
  fields: [],
  copies_code: false,
  handle: 'h',
  code: 'c',
  expires_in_seconds: 600,
  ...values,
});
const key = { name: 'key', label: 'Key', concealed: true, help: '' };

test('a copied code is one field, a form has the fields of the broker', () => {
  expect(fieldsOf(begun({}))).toEqual([]);
  expect(fieldsOf(begun({ fields: [key] }))).toEqual([key]);
  expect(fieldsOf(begun({ copies_code: true })).map(({ name }) => name)).toEqual([
    'oauth_verifier',
  ]);
  expect(fieldsOf(begun({ copies_code: true, fields: [key] }))).toEqual([key]);
});

test('what is typed loses its blanks; what is missing is named', () => {
  const fields = [key, { ...key, name: 'user' }];
  expect(filled(fields, { key: ' abc ', user: '  ' })).toEqual({
    values: { key: 'abc', user: '' },
    missing: ['user'],
  });
});

test('signing in again goes to the same connection, the same way', () => {
  const again = reconnectTarget(connection({ sign_in: 'oauth1', simulated: true }));
  expect(again).toMatchObject({ connectionId: 'c1', kinds: ['oauth1'], simulated: true });
  expect(targetOf(brokerage({ asks_brokerages: true }))).toMatchObject({ chooses: true });
  expect(targetOf(brokerage()).connectionId).toBeUndefined();
});

test.each([
  ['cancelled', 'connect.cancelled'],
  ['broker_refused', 'connect.refused'],
  ['broker_flow_invalid', 'connect.foreign'],
  ['missing', 'connect.foreign'],
] as const)('%s is told in words', (problem, words) => {
  expect(problemWords(problem)).toBe(t(words));
});

test('keys and tokens are typed, the rest is not', () => {
  expect(isTyped('signed_keys') && isTyped('personal_token')).toBe(true);
  expect(isTyped('oauth2') || isTyped('local_gateway') || isTyped(undefined)).toBe(false);
});

test('behind an aggregator what can be chosen comes first', () => {
  const reached = (label: string, available: boolean) => ({
    name: label,
    label,
    available,
    note: '',
  });
  const all = [reached('B', false), reached('Z', true), reached('A', true), reached('A1', false)];
  expect(sortedReached(all).map(({ label }) => label)).toEqual(['A', 'Z', 'A1', 'B']);
});
