// Progress is read with guards: what is not understood is no progress.
import { isEnd, partsRead, progressOf, stepKey } from '@/features/brokerage/sync-model';

const event = (body: Record<string, unknown>) => ({
  channel: 'sync',
  kind: 'progress',
  body,
  at: 7,
});

test('a step with its counts', () => {
  expect(progressOf(event({ connection: 'c1', step: 'positions', done: 1, of: 3 }))).toEqual({
    connection: 'c1',
    step: 'positions',
    done: 1,
    of: 3,
    problem: null,
    at: 7,
  });
});

test.each([
  [{}],
  [{ connection: 'c1' }],
  [{ connection: 'c1', step: 'juggling' }],
  [{ step: 'done' }],
])('%j is no progress', (body) => {
  expect(progressOf(event(body))).toBeNull();
});

test('counts that are none are zero, and a problem is kept', () => {
  const body = {
    connection: 'c1',
    step: 'failed',
    done: -1,
    of: 'many',
    problem: 'Schwab is down.',
  };
  expect(progressOf(event(body))).toMatchObject({ done: 0, of: 0, problem: 'Schwab is down.' });
});

test('the meter fills step by step, ends full, and a failure fills nothing', () => {
  const at = (step: 'accounts' | 'positions' | 'orders' | 'history' | 'done' | 'failed') => ({
    connection: 'c1',
    step,
    done: 0,
    of: 0,
    problem: null,
    at: 0,
  });
  const steps = ['accounts', 'positions', 'orders', 'history', 'done', 'failed'] as const;
  expect(steps.map((step) => partsRead(at(step)))).toEqual([0, 1, 2, 3, 4, 0]);
  expect(steps.filter((step) => isEnd(at(step)))).toEqual(['done', 'failed']);
  expect(stepKey('history')).toBe('sync.step.history');
});
