import { smileOf } from '@/features/symbol/smile-model';
import type { ContractInfo } from '@/stream/protocol';

const contract = (right: 'C' | 'P', strike: number): ContractInfo => ({
  key: `${right}${strike}`,
  root: 'X',
  right,
  strike,
  openInterest: null,
  previousClose: null,
});
const all = [90, 100, 110, 200].flatMap((strike) => [contract('C', strike), contract('P', strike)]);

test('puts below the price and calls above it, within reach, ascending', () => {
  const tickOf = (key: string) => ({ iv: key.startsWith('P') ? 0.5 : 0.4 });
  expect(smileOf([...all].reverse(), tickOf, 104, 10)).toEqual([
    { strike: 90, iv: 0.5 },
    { strike: 100, iv: 0.5 },
    { strike: 110, iv: 0.4 },
  ]);
  expect(smileOf(all, tickOf, 104, null)).toHaveLength(4);
});

test('a strike without IV has no point', () => {
  const tickOf = (key: string) => (key === 'C110' ? { iv: null } : undefined);
  expect(smileOf(all, tickOf, 104, 10)).toEqual([]);
});
