/** Screens on answers of a scripted server. */
import { QueryClientProvider } from '@tanstack/react-query';
import { configure, render } from '@testing-library/react-native';
import type { ReactElement } from 'react';
import { SafeAreaProvider } from 'react-native-safe-area-context';

import { api } from '@/api/client';
import { queryClient } from '@/api/query-client';
import { acceptTokens } from '@/api/session-store';
import { testTokens } from '@/api/test-user';
import { ThemeProvider } from '@/design/theme';

// Ends what would never come: a busy machine may be ten times slower.
configure({ asyncUtilTimeout: 30_000 });

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export interface Asked {
  method: Method;
  path: string;
  options: { params?: Record<string, Record<string, unknown>>; body?: unknown };
}

/** What a path answers: data, or a status with a problem document. */
export type Script = (asked: Asked) => unknown;

export class Refused {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
  ) {}
}

/** Puts a scripted server in place of the real one; returns what it was asked. */
export function serve(script: Script): Asked[] {
  const asked: Asked[] = [];
  for (const method of ['GET', 'POST', 'PATCH', 'DELETE'] as const) {
    jest.spyOn(api, method).mockImplementation((async (path: string, options = {}) => {
      const question = { method, path: path.replace('/api/v1/', ''), options } as Asked;
      asked.push(question);
      const answer = await script(question);
      if (answer instanceof Refused) {
        const { status, code, detail } = answer;
        return { error: { code, detail, next_step: '' }, response: new Response(null, { status }) };
      }
      return { data: answer, response: new Response() };
    }) as never);
  }
  return asked;
}

const FRAME = { x: 0, y: 0, width: 390, height: 844 };
const INSETS = { top: 0, left: 0, right: 0, bottom: 0 };

/** Somebody is signed in, and nothing is known yet. */
export async function begin(): Promise<void> {
  // Answers are not kept for a day here: their timers would outlive the test.
  queryClient.setDefaultOptions({ queries: { gcTime: Infinity, retry: false } });
  queryClient.clear();
  await acceptTokens(testTokens());
}

export function show(screen: ReactElement) {
  return render(
    <SafeAreaProvider initialMetrics={{ frame: FRAME, insets: INSETS }}>
      <ThemeProvider>
        <QueryClientProvider client={queryClient}>{screen}</QueryClientProvider>
      </ThemeProvider>
    </SafeAreaProvider>,
  );
}
