import { sentencesOf } from '@/features/chain/sentences';
import { parts, t } from '@/i18n/t';

const greeks = { delta: 0.353, gamma: 0.0174, theta: -0.142, vega: 0.19, rho: 0.05 };
const say = (input: typeof greeks | Record<keyof typeof greeks, number | null>) =>
  sentencesOf(input, 'NVDA').map((line) => t(line.text, line.values));

test('Greeks are told in dollars for one contract', () => {
  expect(say(greeks)).toEqual([
    'If NVDA rises $1, one contract gains about $35.',
    'That $1 rise moves delta to about 0.37.',
    'Waiting one day costs a holder about $14.',
    'If IV rises 1 point, one contract gains about $19.',
    'If the rate rises 1 point, one contract gains about $5.00.',
  ]);
});

test('a put loses as the price and the rate rise, and a deep one may gain by waiting', () => {
  const said = say({ ...greeks, delta: -0.6, rho: -0.2, theta: 0.02 });
  expect(said[0]).toContain('loses about $60');
  expect(said[2]).toBe('Waiting one day gains a holder about $2.00.');
  expect(said[4]).toContain('loses about $20');
});

test('a missing Greek has no sentence', () => {
  const none = { delta: null, gamma: null, theta: null, vega: null, rho: null };
  expect(say(none)).toEqual([]);
  expect(say({ ...none, delta: 0.5 })).toHaveLength(1);
});

test('values of a sentence are kept apart from its words', () => {
  expect(parts('contract.gamma.text', { delta: '0.37' })).toEqual([
    { text: 'That $1 rise moves delta to about ', value: false },
    { text: '0.37', value: true },
    { text: '.', value: false },
  ]);
  expect(t('contract.gamma.text')).toContain('{delta}');
});
