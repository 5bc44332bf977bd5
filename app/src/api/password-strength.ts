/** How strong the server finds a password while it is written. It is asked once a person pauses. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import { api, unwrap } from '@/api/client';
import type { PasswordStrength } from '@/api/types';

const PAUSE_MS = 350;

/** The value once it has not changed for a moment. */
export function usePaused(value: string, ms = PAUSE_MS): string {
  const [paused, setPaused] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return paused;
}

let lastNumber = 0;
const numbers = new Map<string, number>();

/** Query keys are kept and shown by tools: a password enters them as a number only. */
function numberOf(password: string): number {
  const known = numbers.get(password);
  if (known !== undefined) return known;
  if (numbers.size >= KNOWN_MAX) numbers.clear();
  lastNumber += 1;
  numbers.set(password, lastNumber);
  return lastNumber;
}

const KNOWN_MAX = 64;

export interface StrengthQuestion {
  password: string;
  email: string;
  displayName: string;
}

/** Undefined until the server has answered; it may not answer, and nothing waits for it. */
export function usePasswordStrength(question: StrengthQuestion): PasswordStrength | undefined {
  const password = usePaused(question.password);
  const email = question.email.trim();
  const answer = useQuery({
    queryKey: ['password-strength', numberOf(password), email, question.displayName],
    enabled: password !== '',
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: () =>
      unwrap(
        api.POST('/api/v1/auth/password-strength', {
          body: { password, email, display_name: question.displayName },
        }),
      ),
  });
  return question.password === '' ? undefined : answer.data;
}
