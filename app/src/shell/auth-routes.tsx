/** The routes before signing in. */
import { Redirect, useLocalSearchParams, useRouter } from 'expo-router';

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
      notice={session.phase === 'signed-out' ? session.notice : null}
      onSignIn={() => router.push('/sign-in')}
      onRegister={() => router.push('/register')}
    />
  );
}

export function SignInRoute() {
  const router = useRouter();
  const session = useStore(sessionStore);
  const { reset } = useLocalSearchParams<{ reset?: string }>();
  if (session.phase === 'signed-out' && session.challenge !== null) {
    return <Redirect href="/second-factor" />;
  }
  return (
    <SignInScreen
      resetDone={reset === 'done'}
      onBack={() => router.dismissTo('/')}
      onRegister={() => router.replace('/register')}
      onForgot={() => router.push('/forgot-password')}
    />
  );
}

export function RegisterRoute() {
  const router = useRouter();
  return (
    <RegisterScreen
      onBack={() => router.dismissTo('/')}
      onSignIn={() => router.replace('/sign-in')}
      onStarted={() => router.push('/verify')}
    />
  );
}
