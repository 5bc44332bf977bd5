/** A value once it has not changed for a moment: what is typed is asked about when a person pauses. */
import { useEffect, useState } from 'react';

const PAUSE_MS = 350;

export function usePaused(value: string): string {
  const [paused, setPaused] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return paused;
}
