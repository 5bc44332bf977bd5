import type { MarketAgreement } from '@/api/types';
import { openQuestions, shownKey, signable, standingKey } from '@/features/agreement/model';

const agreement: MarketAgreement = {
  version: '2026-11',
  paragraphs: ['One.'],
  questions: [
    { id: 'personal_use', text: 'Only for yourself?' },
    { id: 'adviser', text: 'An adviser?' },
  ],
  needed: true,
  standing: 'undeclared',
  full_name: null,
  answers: null,
  signed_at: null,
  lane: 'none',
  reason: 'Not signed.',
};

describe('what can be signed', () => {
  it('needs every answer and a name', () => {
    const answers = { personal_use: true, adviser: false };
    expect(signable(agreement, answers, 'Ada Lovelace')).toEqual(answers);
    expect(signable(agreement, answers, ' a ')).toBeNull();
    expect(signable(agreement, { adviser: false }, 'Ada Lovelace')).toBeNull();
  });

  it('counts a no as an answer', () => {
    expect(openQuestions(agreement, {})).toBe(2);
    expect(openQuestions(agreement, { adviser: false })).toBe(1);
  });
});

describe('words', () => {
  it('says what is shown', () => {
    expect(shownKey(agreement)).toBe('agreement.shown.none');
    expect(shownKey({ ...agreement, lane: 'delayed' })).toBe('agreement.shown.delayed');
    expect(shownKey({ ...agreement, lane: 'main' })).toBe('agreement.shown.realtime');
    expect(shownKey({ ...agreement, needed: false, lane: 'main' })).toBe('agreement.shown.free');
  });

  it('says where somebody stands', () => {
    expect(standingKey({ ...agreement, standing: 'professional' })).toBe(
      'agreement.standing.professional',
    );
  });
});
