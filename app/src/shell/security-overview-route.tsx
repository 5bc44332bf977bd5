/** The overview of security. */
import { useRouter } from 'expo-router';

import { sessionStore } from '@/api/session-store';
import { SecurityScreen } from '@/features/security/security-screen';
import { useStore } from '@/lib/external-store';
import { useBackTo } from '@/shell/use-back-to';

export function SecurityRoute() {
  const router = useRouter();
  const back = useBackTo('/you');
  const session = useStore(sessionStore);
  if (session.phase !== 'signed-in') return null;
  return (
    <SecurityScreen
      user={session.user}
      onBack={back}
      onOpen={(place) => router.push(`/security/${place}`)}
    />
  );
}
