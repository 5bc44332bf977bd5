/** @jest-environment jsdom */
// In a browser the handle stays in this tab, and what came back is taken once.
import { takeFragment } from '@/lib/fragment';
import { awayTo, backFrom } from '@/lib/trip.web';

jest.mock('@/lib/fragment', () => ({ takeFragment: jest.fn() }));

const PATH = 'brokerages/connected';
const came = (values: Record<string, string>) =>
  jest.mocked(takeFragment).mockImplementation(async (name) => values[name] ?? null);

beforeEach(() => window.sessionStorage.clear());

test('the code that came is joined with what was kept, once', async () => {
  // A page of jsdom cannot leave: an address within the page stands for the broker's.
  expect(await awayTo('#broker', PATH, { provider: 'schwab', handle: 'h' })).toBeNull();
  expect(window.location.hash).toBe('#broker');
  came({ code: 'once' });
  expect(await backFrom(PATH)).toEqual({
    kept: { provider: 'schwab', handle: 'h' },
    code: 'once',
  });
  expect(await backFrom(PATH)).toEqual({ problem: 'missing' });
});

test('a problem ends the trip, and its handle with it', async () => {
  await awayTo('#broker', PATH, { handle: 'h' });
  came({ error: 'cancelled' });
  expect(await backFrom(PATH)).toEqual({ problem: 'cancelled' });
  came({ code: 'late' });
  expect(await backFrom(PATH)).toEqual({ problem: 'missing' });
});

test('another trip does not find what this one kept', async () => {
  await awayTo('#broker', PATH, { handle: 'h' });
  came({ code: 'once' });
  expect(await backFrom('sign-in/issuer')).toEqual({ problem: 'missing' });
});
