/** The page of the code, where a registration waits for one. */
import { Redirect, useRouter } from 'expo-router';

import { pendingRegistration } from '@/api/pending-registration';
import { VerifyScreen } from '@/features/auth/verify-screen';
import { useStore } from '@/lib/external-store';

export function VerifyRoute() {
  const router = useRouter();
  const pending = useStore(pendingRegistration);
  if (pending === null) return <Redirect href="/register" />;
  return (
    <VerifyScreen
      pending={pending}
      onBack={() => router.dismissTo('/')}
      onAgain={() => router.replace('/register')}
    />
  );
}
