/** Where an issuer's page comes back to: to sign in, or to link its account to one's own. */
import { Redirect, useRouter } from 'expo-router';

import { sessionStore } from '@/api/session-store';
import { finishIssuer } from '@/features/auth/issuer-sign-in';
import { IssuerReturnScreen, type Arrived } from '@/features/auth/issuer-return-screen';
import { finishLink } from '@/features/security/issuer-link';
import { useStore } from '@/lib/external-store';

export function IssuerReturnRoute() {
  const router = useRouter();
  const session = useStore(sessionStore);
  if (session.phase === 'signed-out' && session.challenge !== null) {
    return <Redirect href="/second-factor" />;
  }
  const arrived = async ({ purpose, handle, code }: Arrived) => {
    if (purpose === 'link') {
      await finishLink(handle, code);
      router.replace('/security/issuers');
    } else {
      await finishIssuer(handle, code);
      if (sessionStore.get().phase === 'signed-in') router.replace('/markets');
    }
  };
  return (
    <IssuerReturnScreen
      onArrived={arrived}
      onBack={() => router.replace(session.phase === 'signed-in' ? '/security' : '/sign-in')}
    />
  );
}
