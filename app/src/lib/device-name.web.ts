/** What the list of sessions calls this browser. */
import { agentWords } from '@/lib/user-agent';

export function deviceName(): string {
  return agentWords(navigator.userAgent);
}
