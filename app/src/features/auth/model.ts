/** What sign-in and registration accept before they ask the server, and where its words go. Pure. */
import type { Failure } from '@/api/failure';

export const PASSWORD_LENGTH_MIN = 10;

export type FieldName = 'email' | 'password' | 'display_name';

export interface FormErrors {
  email: string | null;
  password: string | null;
  display_name: string | null;
  form: string | null;
}

export const NO_ERRORS: FormErrors = {
  email: null,
  password: null,
  display_name: null,
  form: null,
};

export type Complaint = 'email' | 'password-empty' | 'password-short';

export function looksLikeEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(text.trim());
}

/** What is wrong with the input, before anything is sent. */
export function complaints(email: string, password: string, registering: boolean): Complaint[] {
  const found: Complaint[] = [];
  if (!looksLikeEmail(email)) found.push('email');
  if (password === '') found.push('password-empty');
  else if (registering && password.length < PASSWORD_LENGTH_MIN) found.push('password-short');
  return found;
}

/** The server's words, each below the field it is about; the rest above the button. */
export function placeFailure(failure: Failure, offline: string, unreadable: string): FormErrors {
  if (failure.kind === 'offline') return { ...NO_ERRORS, form: offline };
  if (failure.kind === 'unreadable') return { ...NO_ERRORS, form: unreadable };
  const of = (name: string): string | null => failure.fields[name] ?? null;
  const placed = { email: of('email'), password: of('password'), display_name: of('display_name') };
  const anyField = placed.email ?? placed.password ?? placed.display_name;
  const words = [failure.detail, failure.nextStep].filter((part) => part !== '').join(' ');
  return { ...placed, form: anyField === null ? words : null };
}
