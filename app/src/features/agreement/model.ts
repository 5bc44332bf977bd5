/** What the answers on the form amount to, and the words for where somebody stands. */
import type { MarketAgreement } from '@/api/types';
import type { WordKey } from '@/i18n/t';

export type Answers = Readonly<Record<string, boolean>>;

/** The answers when every question has one and a name is typed, else null. */
export function signable(
  agreement: MarketAgreement,
  answers: Answers,
  fullName: string,
): Answers | null {
  if (fullName.trim().length < 3) return null;
  const all = agreement.questions.map((question) => question.id);
  return all.every((id) => answers[id] !== undefined) ? answers : null;
}

/** How many questions are still open. */
export function openQuestions(agreement: MarketAgreement, answers: Answers): number {
  return agreement.questions.filter((question) => answers[question.id] === undefined).length;
}

const STANDING: Record<MarketAgreement['standing'], WordKey> = {
  undeclared: 'agreement.standing.undeclared',
  outdated: 'agreement.standing.outdated',
  non_professional: 'agreement.standing.non_professional',
  professional: 'agreement.standing.professional',
};

export function standingKey(agreement: MarketAgreement): WordKey {
  return STANDING[agreement.standing];
}

/** The sentence about what is shown now. */
export function shownKey(agreement: MarketAgreement): WordKey {
  if (!agreement.needed) return 'agreement.shown.free';
  if (agreement.lane === 'main') return 'agreement.shown.realtime';
  return agreement.lane === 'delayed' ? 'agreement.shown.delayed' : 'agreement.shown.none';
}
