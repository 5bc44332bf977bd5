/** The page of the second factor, while a challenge waits. */
import { Redirect, useRouter } from 'expo-router';

import { dropChallenge, sessionStore } from '@/api/session-store';
import { SecondFactorScreen } from '@/features/auth/second-factor-screen';
import { useStore } from '@/lib/external-store';

export function SecondFactorRoute() {
  const router = useRouter();
  const session = useStore(sessionStore);
  const challenge = session.phase === 'signed-out' ? session.challenge : null;
  if (challenge === null) return <Redirect href="/sign-in" />;
  return (
    <SecondFactorScreen
      challenge={challenge}
      onBack={() => {
        dropChallenge();
        router.replace('/sign-in');
      }}
    />
  );
}
