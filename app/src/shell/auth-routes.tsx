/** The routes before signing in. */
import { Redirect, useRouter } from 'expo-router';

import { sessionStore } from '@/api/session-store';
import { RegisterScreen } from '@/features/auth/register-screen';
import { SignInScreen } from '@/features/auth/sign-in-screen';
import { WelcomeScreen } from '@/features/auth/welcome-screen';
import { useStore } from '@/lib/external-store';

export function WelcomeRoute() {
  const router = useRouter();
  const session = useStore(sessionStore);
  if (session.phase === 'signed-in') return <Redirect href="/markets" />;
  return (
    <WelcomeScreen
      ended={session.phase === 'signed-out' && session.ended}
      onSignIn={() => router.push('/sign-in')}
      onRegister={() => router.push('/register')}
    />
  );
}

export function SignInRoute() {
  const router = useRouter();
  return (
    <SignInScreen
      onBack={() => router.dismissTo('/')}
      onRegister={() => router.replace('/register')}
    />
  );
}

export function RegisterRoute() {
  const router = useRouter();
  return (
    <RegisterScreen
      onBack={() => router.dismissTo('/')}
      onSignIn={() => router.replace('/sign-in')}
    />
  );
}
