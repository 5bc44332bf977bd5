/** How long something still lasts, on the screen's one clock. */
import { useNow } from '@/lib/now';

/** Whole seconds until `endsAt`, never below 0. */
export function secondsLeft(endsAt: number, now: number): number {
  return Math.max(0, Math.ceil((endsAt - now) / 1000));
}

/** `4:05`; hours are not needed where codes last minutes. */
export function clockWords(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

export function useSecondsLeft(endsAt: number): number {
  return secondsLeft(endsAt, useNow());
}
