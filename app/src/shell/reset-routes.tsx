/** A forgotten password: asking for the link, and the page the link opens. */
import { useRouter } from 'expo-router';
import { useEffect, useState } from 'react';

import { sessionStore, signOut } from '@/api/session-store';
import { ForgotScreen } from '@/features/auth/forgot-screen';
import { ResetScreen } from '@/features/auth/reset-screen';
import { takeFragment } from '@/lib/fragment';

export function ForgotRoute() {
  const router = useRouter();
  return <ForgotScreen onBack={() => router.dismissTo('/sign-in')} />;
}

/** Open to everybody: the link may be followed on a device that is signed in. */
export function ResetRoute() {
  const router = useRouter();
  const [token, setToken] = useState<string | null | undefined>(undefined);
  useEffect(() => {
    // Mounted twice in development: the second look must not lose what the first one took.
    void takeFragment('token').then((taken) => setToken((known) => taken ?? known ?? null));
  }, []);
  const leave = async (to: '/sign-in?reset=done' | '/forgot-password' | '/') => {
    if (sessionStore.get().phase === 'signed-in') await signOut();
    router.replace(to);
  };
  return (
    <ResetScreen
      token={token}
      onBack={() => router.replace('/')}
      onForgot={() => void leave('/forgot-password')}
      onDone={() => void leave('/sign-in?reset=done')}
    />
  );
}
