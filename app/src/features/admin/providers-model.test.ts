import {
  counts,
  kindWords,
  loadText,
  providerStateKey,
  ratioText,
  secondsText,
} from '@/features/admin/providers-model';
import { t } from '@/i18n/t';

describe('numbers of a provider', () => {
  it.each([
    [null, '—'],
    [0.25, '250 ms'],
    [1.5, '1.5 s'],
    [119, '119.0 s'],
    [600, '10 min'],
  ])('writes %p seconds as %p', (seconds, text) => {
    expect(secondsText(seconds)).toBe(text);
  });

  it('writes shares and loads', () => {
    expect(ratioText(null)).toBe('—');
    expect(ratioText(0.125)).toBe('12.5 %');
    expect(loadText(null, 10)).toBe('—');
    expect(loadText(3, 10)).toBe('3 / 10');
    expect(loadText(3, null)).toBe('3');
  });
});

describe('words of a provider', () => {
  it('names what it serves', () => {
    expect(kindWords(['quotes', 'chains'])).toBe('Quotes, Chains');
    expect(t(providerStateKey('idle'))).toBe('Idle');
  });

  it('puts the most frequent reason first', () => {
    expect(counts({ late: 1, crossed: 5, bad: 1 })).toEqual([
      { reason: 'crossed', count: 5 },
      { reason: 'bad', count: 1 },
      { reason: 'late', count: 1 },
    ]);
  });
});
