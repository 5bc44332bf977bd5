/**
 * One thing a person does on a form: busy while it runs, then done, or words that say what went
 * wrong and where. Closing a sheet is no failure and leaves no words.
 */
import { useState } from 'react';

import { asFailure, type Failure } from '@/api/failure';
import { StepUpCancelled } from '@/api/step-up';
import { t } from '@/i18n/t';
import { PasskeyError } from '@/lib/passkey-error';

/** An issuer's page came back without what is needed, with a word for why. */
export class IssuerProblem extends Error {
  constructor(readonly problem: string) {
    super(problem);
    this.name = 'IssuerProblem';
  }
}

function issuerWords(problem: string): string {
  if (problem === 'cancelled') return t('issuer.cancelled');
  return t(problem === 'issuer_refused' ? 'issuer.refused' : 'issuer.missing');
}

export interface ActionWords {
  /** By field name, in the server's words. */
  fields: Readonly<Record<string, string>>;
  /** What is about no field of the form. */
  form: string | null;
  code: string | null;
}

export const NO_WORDS: ActionWords = { fields: {}, form: null, code: null };

function failureWords(failure: Failure, known: readonly string[]): ActionWords {
  if (failure.kind === 'offline') {
    return { ...NO_WORDS, form: `${t('error.offline.title')}. ${t('error.offline.text')}` };
  }
  if (failure.kind === 'unreadable') return { ...NO_WORDS, form: t('error.unreadable.text') };
  const placed = Object.entries(failure.fields).filter(([name]) => known.includes(name));
  const words = [failure.detail, failure.nextStep].filter((part) => part !== '').join(' ');
  return {
    fields: Object.fromEntries(placed),
    form: placed.length > 0 ? null : words,
    code: failure.code,
  };
}

/** Words for anything an action throws; `known` are the fields of its form. */
export function wordsOf(error: unknown, known: readonly string[] = []): ActionWords {
  if (error instanceof StepUpCancelled) return NO_WORDS;
  if (error instanceof IssuerProblem) return { ...NO_WORDS, form: issuerWords(error.problem) };
  if (error instanceof PasskeyError) {
    const form = error.problem === 'cancelled' ? null : t(`passkey.error.${error.problem}`);
    return { ...NO_WORDS, form };
  }
  return failureWords(asFailure(error), known);
}

export interface ActionState<T> {
  run: (input: T) => Promise<boolean>;
  busy: boolean;
  words: ActionWords;
  clear: () => void;
}

/** `run` answers whether it worked. A second press while it runs does nothing. */
export function useAction<T = void>(
  action: (input: T) => Promise<void>,
  known: readonly string[] = [],
): ActionState<T> {
  const [busy, setBusy] = useState(false);
  const [words, setWords] = useState<ActionWords>(NO_WORDS);
  const run = async (input: T): Promise<boolean> => {
    if (busy) return false;
    setBusy(true);
    setWords(NO_WORDS);
    try {
      await action(input);
      return true;
    } catch (error) {
      setWords(wordsOf(error, known));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { run, busy, words, clear: () => setWords(NO_WORDS) };
}
