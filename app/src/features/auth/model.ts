/** What sign-in and registration accept before they ask the server. Pure. */
import { looksLikeEmail, PASSWORD_LENGTH_MIN } from '@/lib/account-input';

export type Complaint = 'email' | 'password-empty' | 'password-short';

/** What is wrong with the input, before anything is sent. */
export function complaints(email: string, password: string, registering: boolean): Complaint[] {
  const found: Complaint[] = [];
  if (!looksLikeEmail(email)) found.push('email');
  if (password === '') found.push('password-empty');
  else if (registering && password.length < PASSWORD_LENGTH_MIN) found.push('password-short');
  return found;
}

/** When a code may be asked for again: each time it takes longer, and the server has the last word. */
export const RESEND_WAIT_MS = 30_000;
const RESEND_WAIT_MS_MAX = 300_000;

export function resendWaitMs(sent: number): number {
  return Math.min(RESEND_WAIT_MS_MAX, RESEND_WAIT_MS * 2 ** Math.max(0, sent - 1));
}
