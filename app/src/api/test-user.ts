/** An account for tests, whole as the server would send it. */
import type { Tokens, User } from '@/api/types';

export const testUser: User = {
  id: 'u1',
  email: 'ada@example.com',
  display_name: 'Ada Lovelace',
  role: 'user',
  created_at: '2026-01-01T00:00:00Z',
  preferences: {
    theme: 'system',
    direction_colours: 'teal_orange',
    time_zone: null,
    security_mails: true,
  },
  has_password: true,
  second_factor: false,
};

export function testTokens(name = 'access', user = testUser): Tokens {
  return {
    status: 'signed_in',
    access_token: name,
    token_type: 'bearer',
    expires_in: 900,
    refresh_token: `refresh-${name}`,
    user,
  };
}
