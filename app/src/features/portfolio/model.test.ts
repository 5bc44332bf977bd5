// What the screens print, row by row: the text is the claim.
import {
  accountMark,
  assetName,
  countWords,
  coverageWords,
  dollars,
  gainText,
  groupsOf,
  headsOf,
  heldWords,
  transactionNote,
  transactionWords,
} from '@/features/portfolio/model';
import {
  aCall,
  anAccount,
  anAsset,
  aPortfolio,
  aPosition,
  aTransaction,
} from '@/features/portfolio/test-portfolio';

const NOW = Date.parse('2026-11-19T15:42:07Z');

test('gains carry a sign, levels of zero do not, and nothing is invented', () => {
  expect(gainText('365.00', 'USD')).toBe('+$365.00');
  expect(gainText('-8468.5', 'USD')).toBe('−$8,468.50');
  expect(gainText('0.001', 'USD')).toBe('$0.00');
  expect(gainText(null, 'USD')).toBe('—');
});

test('Greeks are whole dollars with a sign', () => {
  expect(dollars(335.2)).toBe('+$335');
  expect(dollars(-145.4)).toBe('−$145');
  expect(dollars(0.2)).toBe('$0');
});

test('the day is a share of what everything was worth before it', () => {
  const [head] = headsOf(aPortfolio());
  expect(head?.fraction).toBeCloseTo(958.5 / (148236.4 - 958.5), 12);
});

test('dollars stand first, and an unknown day has no share', () => {
  const [usd] = aPortfolio().totals;
  if (usd === undefined) throw new Error('there are totals');
  const totals = [
    { ...usd, currency: 'CAD' },
    { ...usd, day_change: null },
  ];
  const heads = headsOf(aPortfolio({ totals }));
  expect(heads.map(({ currency }) => currency)).toEqual(['USD', 'CAD']);
  expect(heads[0]?.fraction).toBeNull();
});

test('an account says how old it is, and that it was never read', () => {
  expect(accountMark(anAccount(), NOW)).toEqual({ kind: 'live', text: '7.0 s' });
  expect(accountMark(anAccount({ simulated: true }), NOW).kind).toBe('simulated');
  expect(accountMark(anAccount({ stale: true }), NOW).kind).toBe('stale');
  expect(accountMark(anAccount({ as_of: null }), NOW).kind).toBe('offline');
});

test('contracts read as people say them', () => {
  expect(assetName(aCall())).toBe('SPY Dec 18 600C');
  expect(assetName(anAsset({ symbol: '912828YK0', underlying: null }))).toBe('912828YK0');
});

test('what is held says its life and where its price is from', () => {
  expect(heldWords(aPosition(), NOW)).toBe('10 sh');
  expect(heldWords(aPosition({ asset: aCall(), quantity: '-3' }), NOW)).toBe('−3 · 29d');
  const broker = { price: 98.5, source: 'broker', as_of: null, quality: null, reason: '' } as const;
  const bond = anAsset({ kind: 'bond', underlying: null });
  expect(heldWords(aPosition({ asset: bond, mark: broker }), NOW)).toBe(
    "10 units · broker's price",
  );
  const last = { price: 600, source: 'last', as_of: null, quality: null, reason: 'x' } as const;
  expect(heldWords(aPosition({ mark: last }), NOW)).toMatch(/^10 sh · .*last/);
  const model = { ...last, source: 'model' } as const;
  expect(heldWords(aPosition({ mark: model }), NOW)).toBe('10 sh · model value');
  const none = { price: null, source: null, as_of: null, quality: null, reason: 'x' } as const;
  expect(heldWords(aPosition({ quantity: null, mark: none }), NOW)).toBe(
    '10, long or short is not known · no price',
  );
  const past = aCall({ expiration: '2026-11-01' });
  expect(heldWords(aPosition({ asset: past, quantity: '1' }), NOW)).toBe('1 · expired');
});

test('positions stand by underlying, the largest change first, the rest last', () => {
  const groups = groupsOf([
    aPosition({ asset: anAsset({ kind: 'bond', underlying: null }), day_change: '900.00' }),
    aPosition(),
    aPosition({ asset: anAsset({ symbol: 'IWM', underlying: 'IWM' }), day_change: '-40.00' }),
    aPosition({ asset: aCall(), day_change: '7.50' }),
  ]);
  expect(groups.map(({ symbol, day }) => [symbol, day])).toEqual([
    ['IWM', '-40.00'],
    ['SPY', '20.00'],
    [null, '900.00'],
  ]);
  expect(countWords(groups)).toBe('4 in 2 symbols');
  expect(countWords(groupsOf([aPosition()]))).toBe('1 in 1 symbol');
});

test('a group with an unknown change has none', () => {
  const [group] = groupsOf([aPosition(), aPosition({ day_change: null })]);
  expect(group?.day).toBeNull();
});

test('Greeks that miss positions say how many and why', () => {
  const { greeks } = aPortfolio();
  expect(coverageWords(greeks)).toBeNull();
  const missing = [
    { reason: 'unknown_contract', positions: 1 },
    { reason: 'feed_unavailable', positions: 2 },
  ];
  expect(coverageWords({ ...greeks, total: 4, missing })).toBe(
    '1 of 4 positions: 1 that this feed does not list, 2 without Greeks',
  );
});

test('a line of history is a sentence', () => {
  expect(transactionWords(aTransaction())).toBe('Sold 2 SPY Dec 18 600C at 9.55');
  expect(transactionWords(aTransaction({ quantity: '2' }))).toMatch(/^Bought 2/);
  const dividend = { kind: 'dividend', quantity: null, price: null, asset: anAsset() } as const;
  expect(transactionWords(aTransaction(dividend))).toBe('Dividend SPY');
  expect(transactionNote(aTransaction())).toBe('');
  expect(
    transactionNote(aTransaction({ disputed: true, status: 'pending', source: 'import' })),
  ).toBe('No longer shown by the broker · Not final yet · From a file');
});
