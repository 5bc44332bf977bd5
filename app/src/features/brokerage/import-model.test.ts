// A file's rows: which are shown, what they say, what is counted.
import {
  activityWords,
  cashWords,
  accountsWords,
  countOf,
  FILTERS,
  formatWords,
  importState,
  rowsOf,
  sizeWords,
  verdictLook,
} from '@/features/brokerage/import-model';
import { fileImport, importRow } from '@/features/brokerage/test-brokerage';

test('each filter counts the whole file and shows its rows', () => {
  const { counts, rows } = fileImport();
  expect(FILTERS.map(({ value }) => countOf(value, counts))).toEqual([4, 2, 1, 1]);
  expect(FILTERS.map(({ value }) => rowsOf(value, rows).map(({ line }) => line))).toEqual([
    [1, 2, 3, 4],
    [1, 2],
    [3],
    [4],
  ]);
});

test('a trade says what and how much, cash what it was', () => {
  expect(activityWords(importRow(1))).toBe('Trade · NVDA · 10 × 184.62');
  expect(cashWords(importRow(1))).toBe('−$1,846.20');
  const base = importRow(1).activity!;
  const interest = { ...base, kind: 'interest', symbol: null, quantity: null, price: null };
  expect(activityWords(importRow(2, { activity: interest }))).toBe('Interest · YOU BOUGHT');
  const split = { ...base, kind: 'symbol_change', price: null };
  expect(activityWords(importRow(3, { activity: split }))).toBe('Symbol change · NVDA · 10');
});

test('a row that could not be read has no words of its own', () => {
  const row = importRow(1, { activity: null });
  expect([activityWords(row), cashWords(row)]).toEqual(['', '']);
});

test('each account of a file says where its rows go', () => {
  const made = { number: '••4821', name: 'IRA', currency: 'USD', account: null };
  const held = { ...made, name: '', account: 'a1' };
  expect(accountsWords([made, held, { ...held, number: '' }])).toBe(
    'IRA ••4821, a new account\n••4821, one you have\n—, one you have',
  );
});

test('formats are named; one this app does not know keeps the name the server gave it', () => {
  expect(formatWords('ofx')).toBe('OFX or QFX, any bank');
  expect(formatWords('vanguard_csv')).toBe('vanguard_csv');
});

test('sizes, verdicts and states have words', () => {
  expect([sizeWords(10), sizeWords(831_488), sizeWords(3_565_158)]).toEqual([
    '1 KB',
    '812 KB',
    '3.4 MB',
  ]);
  expect(verdictLook('ignored')).toEqual({ key: 'import.verdict.ignored', tone: 'warning' });
  expect(importState('confirmed')).toEqual({ key: 'import.state.confirmed', tone: 'accent' });
});
