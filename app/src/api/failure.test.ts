// Every shape of an error answer becomes one tagged value; nothing is guessed.
import { ApiError, asFailure, failureOf } from '@/api/failure';

const problem = {
  code: 'unknown_symbol',
  detail: 'XX is not known.',
  next_step: 'Search for it.',
  request_id: 'r1',
  fields: { symbol: 'Unknown.', odd: 3 },
};

test('a problem document keeps its words, and only texts are field messages', () => {
  expect(failureOf(404, problem)).toEqual({
    kind: 'problem',
    temporary: false,
    status: 404,
    code: 'unknown_symbol',
    detail: 'XX is not known.',
    nextStep: 'Search for it.',
    requestId: 'r1',
    fields: { symbol: 'Unknown.' },
  });
});

test('missing words are empty, not undefined', () => {
  const failure = failureOf(503, { code: 'unavailable', fields: [] });
  expect(failure).toMatchObject({ detail: '', nextStep: '', requestId: '', fields: {} });
  expect(failure.temporary).toBe(true);
});

test('anything else is unreadable', () => {
  for (const body of [null, 'Bad gateway', [], { detail: 'x' }, 3]) {
    expect(failureOf(502, body)).toEqual({ kind: 'unreadable', temporary: true, status: 502 });
  }
});

test('an exception of fetch means that nothing answered', () => {
  expect(asFailure(new TypeError('Failed to fetch'))).toEqual({ kind: 'offline', temporary: true });
  const failure = failureOf(404, problem);
  expect(asFailure(new ApiError(failure))).toBe(failure);
  expect(new ApiError(failure).message).toBe('XX is not known.');
  expect(new ApiError({ kind: 'offline', temporary: true }).message).toBe('offline');
});
