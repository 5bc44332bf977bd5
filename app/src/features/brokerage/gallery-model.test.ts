// What the gallery promises about a brokerage, in words that are true.
import {
  found,
  historyWords,
  loginWords,
  mayAdd,
  readKeys,
  signInKey,
  tierKey,
} from '@/features/brokerage/gallery-model';
import { brokerage } from '@/features/brokerage/test-brokerage';
import { t } from '@/i18n/t';

test('what is read comes in one order, and an unknown word is no promise', () => {
  expect(readKeys(['activities', 'telepathy', 'balances'])).toEqual([
    'gallery.reads.balances',
    'gallery.reads.activities',
  ]);
});

test.each([
  [null, 'All history'],
  [90, '90 days of history'],
  [365, '1 year of history'],
  [730, '2 years of history'],
])('%s days of history', (days, words) => {
  const said = historyWords(brokerage({ history_days: days }));
  expect(said && t(said.key, said.values)).toBe(words);
});

test('where no history is read none is spoken of', () => {
  expect(historyWords(brokerage({ reads: ['positions'], history_days: null }))).toBeNull();
});

test.each([
  [null, 'Stays signed in'],
  [7 * 86_400, 'Sign in every 7 days'],
  [86_400, 'Sign in every day'],
  [2 * 3_600, 'Sign in every 2 hours'],
  [1_800, 'Sign in every hour'],
])('a sign-in of %s seconds', (seconds, words) => {
  const { key, values } = loginWords(seconds);
  expect(t(key, values)).toBe(words);
});

test('a tier this app does not know is not shown', () => {
  expect(tierKey('gold')).toBe('gallery.tier.gold');
  expect(tierKey('unobtainium')).toBeNull();
  expect(tierKey('toString')).toBeNull();
});

test('every way to sign in has words', () => {
  expect(t(signInKey('local_gateway'))).toMatch(/your machine/);
});

test.each([
  ['etrade', ['E*TRADE']],
  ['  SCH ', ['Charles Schwab']],
  ['', ['E*TRADE', 'Charles Schwab']],
  ['zzz', []],
])('searching "%s"', (search, labels) => {
  const all = [brokerage({ name: 'etrade', label: 'E*TRADE' }), brokerage()];
  expect(found(all, search).map(({ label }) => label)).toEqual(labels);
});

test('a second login is offered only where the brokerage allows it', () => {
  expect(mayAdd(brokerage({ several_logins: false, connections: 0 }))).toBe(true);
  expect(mayAdd(brokerage({ several_logins: false, connections: 1 }))).toBe(false);
  expect(mayAdd(brokerage({ several_logins: true, connections: 1 }))).toBe(true);
});
