// Fixed instants in, printed exchange times out: no case depends on the machine's zone or clock.
import {
  addDays,
  dateMs,
  exchangeDate,
  exchangeTime,
  isIsoDate,
  monthTick,
  shortDate,
} from '@/lib/dates';

const NOV = Date.parse('2026-11-19T15:42:07Z');

test('times are exchange times, in winter and in summer', () => {
  expect(exchangeTime(NOV)).toBe('10:42:07');
  expect(exchangeTime(Date.parse('2026-07-01T13:30:00Z'), false)).toBe('09:30');
});

test('the exchange date is not the UTC date late in the evening', () => {
  expect(exchangeDate(Date.parse('2026-11-20T03:00:00Z'))).toBe('2026-11-19');
});

test('a date carries its year only when it is far', () => {
  expect(shortDate('2026-12-18', NOV)).toBe('Dec 18');
  expect(shortDate('2028-01-21', NOV)).toBe('Jan 21, 2028');
  expect(shortDate(exchangeDate(Date.now()))).not.toContain(',');
});

test('January names its year on an axis', () => {
  expect(monthTick('2026-11-02')).toBe('Nov');
  expect(monthTick('2027-01-04')).toBe('Jan ’27');
});

test('days are added across months and clock changes', () => {
  expect(addDays('2026-10-31', 1)).toBe('2026-11-01');
  expect(addDays('2026-03-01', -1)).toBe('2026-02-28');
  expect(dateMs('2026-11-19')).toBe(Date.parse('2026-11-19T12:00:00Z'));
});

test('only real dates are dates', () => {
  expect(isIsoDate('2026-12-18')).toBe(true);
  expect(isIsoDate('2026-13-45')).toBe(false);
  expect(isIsoDate('Dec 18')).toBe(false);
  expect(isIsoDate(undefined)).toBe(false);
});
