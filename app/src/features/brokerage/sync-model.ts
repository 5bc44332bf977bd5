/** How far a reading has come, as the stream of events says it. Pure. */
import type { WordKey } from '@/i18n/t';
import type { UserEvent } from '@/stream/protocol';

const STEPS = ['accounts', 'positions', 'orders', 'history', 'done', 'failed'] as const;

export type SyncStep = (typeof STEPS)[number];

export interface SyncProgress {
  connection: string;
  step: SyncStep;
  done: number;
  of: number;
  problem: string | null;
  at: number;
}

function isStep(value: unknown): value is SyncStep {
  return STEPS.some((step) => step === value);
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.floor(value) : 0;
}

/** Null for what is no progress this app understands: it is then simply asked again. */
export function progressOf({ body, at }: UserEvent): SyncProgress | null {
  const { connection, step, problem } = body;
  if (typeof connection !== 'string' || !isStep(step)) return null;
  return {
    connection,
    step,
    done: count(body.done),
    of: count(body.of),
    problem: typeof problem === 'string' && problem !== '' ? problem : null,
    at,
  };
}

export function isEnd({ step }: SyncProgress): boolean {
  return step === 'done' || step === 'failed';
}

export const STEP_PARTS = 4;

/** How many of the four parts are read. */
export function partsRead({ step }: SyncProgress): number {
  return step === 'failed' ? 0 : Math.min(STEPS.indexOf(step), STEP_PARTS);
}

const WORDS: Readonly<Record<SyncStep, WordKey>> = {
  accounts: 'sync.step.accounts',
  positions: 'sync.step.positions',
  orders: 'sync.step.orders',
  history: 'sync.step.history',
  done: 'sync.step.done',
  failed: 'sync.step.failed',
};

export function stepKey(step: SyncStep): WordKey {
  return WORDS[step];
}
