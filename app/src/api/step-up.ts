/**
 * Step-up: an action the server wants proven by a fresh factor.
 *
 * `withStepUp(action)` runs the action; where the server says `step_up_needed` it asks for a factor
 * through `stepUpStore`, and runs the action once more with the token that came of it. The sheet
 * that asks is in the security feature; actions in flight at the same time share one question.
 */
import { ApiError } from '@/api/failure';
import { acceptStepUp } from '@/api/session-store';
import type { SteppedUp } from '@/api/types';
import { ExternalStore } from '@/lib/external-store';

export interface StepUpQuestion {
  answered: (answer: SteppedUp) => void;
  cancelled: () => void;
}

export const stepUpStore = new ExternalStore<StepUpQuestion | null>(null);

/** The person closed the sheet: nothing was done, and nothing is wrong. */
export class StepUpCancelled extends Error {
  constructor() {
    super('cancelled');
    this.name = 'StepUpCancelled';
  }
}

export function needsStepUp(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.failure.kind === 'problem' &&
    error.failure.code === 'step_up_needed'
  );
}

let asking: Promise<void> | null = null;

function ask(): Promise<void> {
  asking ??= new Promise<void>((resolve, reject) => {
    stepUpStore.set({
      answered: (answer) => {
        acceptStepUp(answer);
        resolve();
      },
      cancelled: () => reject(new StepUpCancelled()),
    });
  }).finally(() => {
    asking = null;
    stepUpStore.set(null);
  });
  return asking;
}

/** Run `action`; where it needs a step-up, ask for it and run it once more. */
export async function withStepUp<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!needsStepUp(error)) throw error;
  }
  await ask();
  return action();
}
