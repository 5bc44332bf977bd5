/** The root of the app: providers, the session, banners, and the routes each session may open. */
import { PersistQueryClientProvider } from '@tanstack/react-query-persist-client';
import { Stack, useRouter } from 'expo-router';
import { StatusBar } from 'expo-status-bar';
import { useEffect } from 'react';
import { SafeAreaProvider, useSafeAreaInsets } from 'react-native-safe-area-context';

import { loadDeviceList } from '@/api/device-list';
import { loadLock } from '@/api/lock-store';
import { loadRegistration } from '@/api/pending-registration';
import { persistOptions, queryClient } from '@/api/query-client';
import { restoreSession, sessionStore } from '@/api/session-store';
import { Box } from '@/design/box';
import { useAppFonts } from '@/design/fonts';
import { Logo } from '@/design/logo';
import { Skeleton } from '@/design/skeleton';
import { ThemeProvider, useTheme } from '@/design/theme';
import { useAccountEvents } from '@/features/security/account-events';
import { SignInNotice } from '@/features/security/sign-in-notice';
import { t } from '@/i18n/t';
import { useStore } from '@/lib/external-store';
import { useWide } from '@/lib/use-wide';
import { DesktopFrame } from '@/shell/desktop-frame';
import { FeedBanners } from '@/shell/feed-banners';
import { LockScreen, useLockWhenAway } from '@/shell/lock-screen';
import { StepUpGate } from '@/shell/step-up-gate';
import { useLiveSession } from '@/shell/use-live-session';
import { useSyncedPreferences } from '@/shell/use-synced-preferences';
import { loadWireFormat } from '@/stream/wire-format';

function Starting() {
  return (
    <Box flex={1} surface="base" align="center" justify="center" role="main" label={t('loading')}>
      <Logo size={56} />
    </Box>
  );
}

/** In place of a page whose code is on its way. */
export function PageLoading() {
  return (
    <Box flex={1} surface="base" pad="s4" gap="s5" role="main" label={t('loading')}>
      <Skeleton width="46%" height={28} />
      <Skeleton width="100%" height={72} />
      <Skeleton width="100%" height={140} />
    </Box>
  );
}

function Routes({ signedIn, admin }: { signedIn: boolean; admin: boolean }) {
  const { c } = useTheme();
  return (
    <Stack
      screenOptions={{
        headerShown: false,
        contentStyle: { backgroundColor: c.surface.base },
        animationDuration: 220,
      }}
    >
      <Stack.Screen name="index" options={{ title: t('app.name') }} />
      <Stack.Protected guard={!signedIn}>
        <Stack.Screen name="sign-in/index" options={{ title: t('signin.title') }} />
        <Stack.Screen name="register" options={{ title: t('register.title') }} />
        <Stack.Screen name="verify" options={{ title: t('verify.title') }} />
        <Stack.Screen name="second-factor" options={{ title: t('factor.title') }} />
        <Stack.Screen name="forgot-password" options={{ title: t('forgot.title') }} />
      </Stack.Protected>
      <Stack.Screen name="sign-in/issuer" options={{ title: t('issuer.title') }} />
      <Stack.Screen name="reset-password" options={{ title: t('reset.title') }} />
      <Stack.Protected guard={signedIn}>
        <Stack.Screen name="(tabs)" options={{ title: t('app.name') }} />
        <Stack.Screen name="symbol/[symbol]" options={{ title: t('app.name') }} />
        <Stack.Screen name="chain/[symbol]" options={{ title: t('app.name') }} />
        <Stack.Screen name="agreement" options={{ title: t('agreement.title') }} />
        <Stack.Screen name="history" options={{ title: t('history.title') }} />
        <Stack.Screen name="brokerages" options={{ title: t('brokerage.title') }} />
        <Stack.Screen name="security/index" options={{ title: t('security.title') }} />
        <Stack.Screen name="security/[place]" options={{ title: t('security.title') }} />
      </Stack.Protected>
      <Stack.Protected guard={admin}>
        <Stack.Screen name="admin/index" options={{ title: t('admin.title') }} />
        <Stack.Screen name="admin/users" options={{ title: t('admin.users') }} />
        <Stack.Screen name="admin/user/[id]" options={{ title: t('admin.users') }} />
        <Stack.Screen name="admin/providers" options={{ title: t('providers.title') }} />
        <Stack.Screen name="admin/audit" options={{ title: t('admin.audit') }} />
      </Stack.Protected>
    </Stack>
  );
}

function Frame() {
  const session = useStore(sessionStore);
  const wide = useWide();
  const insets = useSafeAreaInsets();
  const { scheme } = useTheme();
  const locked = useLockWhenAway();
  const router = useRouter();
  useAccountEvents();
  useLiveSession();
  useSyncedPreferences();
  if (session.phase === 'starting') return <Starting />;
  if (locked) return <LockScreen />;
  const signedIn = session.phase === 'signed-in';
  return (
    <Box flex={1} surface="base" style={{ paddingTop: insets.top }}>
      <StatusBar style={scheme === 'dark' ? 'light' : 'dark'} />
      {signedIn ? <FeedBanners /> : null}
      {signedIn ? <SignInNotice onDevices={() => router.push('/security/sessions')} /> : null}
      <DesktopFrame shown={signedIn && wide}>
        <Routes signedIn={signedIn} admin={signedIn && session.user.role === 'admin'} />
      </DesktopFrame>
      {signedIn ? <StepUpGate /> : null}
    </Box>
  );
}

export function RootLayout() {
  const fonts = useAppFonts();
  useEffect(() => {
    void loadDeviceList();
    // The lock is known before anybody's data can be on the screen.
    void Promise.all([loadLock(), loadRegistration(Date.now()), loadWireFormat()]).then(
      restoreSession,
    );
  }, []);
  return (
    <ThemeProvider>
      <SafeAreaProvider>
        <PersistQueryClientProvider client={queryClient} persistOptions={persistOptions}>
          {fonts ? <Frame /> : null}
        </PersistQueryClientProvider>
      </SafeAreaProvider>
    </ThemeProvider>
  );
}
