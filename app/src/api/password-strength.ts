/**
 * How strong the server finds a password while it is written. It is asked once a person pauses, and
 * outside the query cache, which would keep the password as a key.
 */
import { useEffect, useState } from 'react';

import { api, unwrap } from '@/api/client';
import type { PasswordStrength } from '@/api/types';
import { usePaused } from '@/lib/use-paused';

export interface StrengthQuestion {
  password: string;
  email: string;
  displayName: string;
}

/** Undefined until the server has answered; it may not answer, and nothing waits for it. */
export function usePasswordStrength(question: StrengthQuestion): PasswordStrength | undefined {
  const { displayName } = question;
  const password = usePaused(question.password);
  const email = question.email.trim();
  const [answer, setAnswer] = useState<PasswordStrength>();
  useEffect(() => {
    if (password === '') return;
    let late = false;
    const body = { password, email, display_name: displayName };
    unwrap(api.POST('/api/v1/auth/password-strength', { body })).then(
      (found) => {
        if (!late) setAnswer(found);
      },
      () => undefined,
    );
    return () => {
      late = true;
    };
  }, [password, email, displayName]);
  return question.password === '' ? undefined : answer;
}
