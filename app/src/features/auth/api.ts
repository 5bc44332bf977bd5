/** The account endpoints that need no session. Each takes up the session it gets. */
import { useMutation } from '@tanstack/react-query';

import { api, unwrap } from '@/api/client';
import { acceptTokens } from '@/api/session-store';
import { clientKind } from '@/lib/platform';

export interface CredentialsInput {
  email: string;
  password: string;
}

export function useSignIn() {
  return useMutation({
    networkMode: 'always',
    mutationFn: async (input: CredentialsInput) => {
      const body = { ...input, email: input.email.trim(), client: clientKind };
      await acceptTokens(await unwrap(api.POST('/api/v1/auth/login', { body })));
    },
  });
}

export function useRegister() {
  return useMutation({
    networkMode: 'always',
    mutationFn: async (input: CredentialsInput & { display_name: string }) => {
      const body = { ...input, email: input.email.trim(), client: clientKind };
      await acceptTokens(await unwrap(api.POST('/api/v1/auth/register', { body })));
    },
  });
}

/** One tap into the development account; the server offers it in development only. */
export function useTryIt() {
  return useMutation({
    networkMode: 'always',
    mutationFn: async () => {
      const body = { client: clientKind };
      await acceptTokens(await unwrap(api.POST('/api/v1/auth/try', { body })));
    },
  });
}
