/** The root of the app: providers, the session, banners, and the routes each session may open. */
import { PersistQueryClientProvider } from '@tanstack/react-query-persist-client';
import { Stack } from 'expo-router';
import { StatusBar } from 'expo-status-bar';
import { useEffect } from 'react';
import { SafeAreaProvider, useSafeAreaInsets } from 'react-native-safe-area-context';

import { loadDeviceList } from '@/api/device-list';
import { persistOptions, queryClient } from '@/api/query-client';
import { restoreSession, sessionStore } from '@/api/session-store';
import { Box } from '@/design/box';
import { useAppFonts } from '@/design/fonts';
import { Logo } from '@/design/logo';
import { ThemeProvider, useTheme } from '@/design/theme';
import { t } from '@/i18n/t';
import { useStore } from '@/lib/external-store';
import { useWide } from '@/lib/use-wide';
import { DesktopFrame } from '@/shell/desktop-frame';
import { FeedBanners } from '@/shell/feed-banners';
import { useLiveSession } from '@/shell/use-live-session';

function Starting() {
  return (
    <Box flex={1} surface="base" align="center" justify="center" role="main" label={t('loading')}>
      <Logo size={56} />
    </Box>
  );
}

function Routes({ signedIn }: { signedIn: boolean }) {
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
        <Stack.Screen name="sign-in" options={{ title: t('signin.title') }} />
        <Stack.Screen name="register" options={{ title: t('register.title') }} />
      </Stack.Protected>
      <Stack.Protected guard={signedIn}>
        <Stack.Screen name="(tabs)" options={{ title: t('app.name') }} />
        <Stack.Screen name="symbol/[symbol]" options={{ title: t('app.name') }} />
        <Stack.Screen name="chain/[symbol]" options={{ title: t('app.name') }} />
      </Stack.Protected>
    </Stack>
  );
}

function Frame() {
  const session = useStore(sessionStore);
  const wide = useWide();
  const insets = useSafeAreaInsets();
  const { scheme } = useTheme();
  useLiveSession();
  if (session.phase === 'starting') return <Starting />;
  const signedIn = session.phase === 'signed-in';
  return (
    <Box flex={1} surface="base" style={{ paddingTop: insets.top }}>
      <StatusBar style={scheme === 'dark' ? 'light' : 'dark'} />
      {signedIn ? <FeedBanners /> : null}
      <DesktopFrame shown={signedIn && wide}>
        <Routes signedIn={signedIn} />
      </DesktopFrame>
    </Box>
  );
}

export function RootLayout() {
  const fonts = useAppFonts();
  useEffect(() => {
    void loadDeviceList();
    void restoreSession();
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
