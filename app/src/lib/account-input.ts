/** What account forms accept before they ask the server. Pure. */

export const PASSWORD_LENGTH_MIN = 10;

export function looksLikeEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(text.trim());
}
