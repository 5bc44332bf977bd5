/** Brokerages: connections, the gallery, the way back from a broker's page, and imports. */
import { Redirect, Stack, useLocalSearchParams, useRouter } from 'expo-router';

import { useTheme } from '@/design/theme';
import { BrokeragesScreen } from '@/features/brokerage/brokerages-screen';
import { ConnectedScreen } from '@/features/brokerage/connected-screen';
import { ConnectionScreen } from '@/features/brokerage/connection-screen';
import { GalleryScreen } from '@/features/brokerage/gallery-screen';
import { ImportScreen } from '@/features/brokerage/import-screen';
import { ImportsScreen } from '@/features/brokerage/imports-screen';
import { LogScreen } from '@/features/brokerage/log-screen';
import { useSyncEvents } from '@/features/brokerage/sync-events';
import { t } from '@/i18n/t';
import { clientKind } from '@/lib/platform';
import { useBackTo } from '@/shell/use-back-to';

/** Follows readings for all of these pages at once. */
export function BrokeragesLayout() {
  const { c } = useTheme();
  useSyncEvents();
  return (
    <Stack
      screenOptions={{
        headerShown: false,
        contentStyle: { backgroundColor: c.surface.base },
        animationDuration: 220,
      }}
    >
      <Stack.Screen name="index" options={{ title: t('brokerage.title') }} />
      <Stack.Screen name="add" options={{ title: t('gallery.title') }} />
      <Stack.Screen name="connected" options={{ title: t('connected.title') }} />
      <Stack.Screen name="connection/[id]" options={{ title: t('connection.title') }} />
      <Stack.Screen name="log/[id]" options={{ title: t('log.title') }} />
      <Stack.Screen name="import/index" options={{ title: t('import.title') }} />
      <Stack.Screen name="import/[id]" options={{ title: t('import.preview') }} />
    </Stack>
  );
}

export function BrokeragesRoute() {
  const router = useRouter();
  return (
    <BrokeragesScreen
      onBack={useBackTo('/you')}
      onAdd={() => router.push('/brokerages/add')}
      onImport={() => router.push('/brokerages/import')}
      onOpen={(id) => router.push(`/brokerages/connection/${id}`)}
    />
  );
}

export function GalleryRoute() {
  const router = useRouter();
  return (
    <GalleryScreen
      onBack={useBackTo('/brokerages')}
      onImport={() => router.push('/brokerages/import')}
      onConnected={(id) => router.replace(`/brokerages/connection/${id}`)}
    />
  );
}

/** A phone comes back inside the sheet that left: a link that opens the app here brings nothing. */
export function ConnectedRoute() {
  const router = useRouter();
  if (clientKind === 'native') return <Redirect href="/brokerages" />;
  return (
    <ConnectedScreen
      onConnected={(id) => router.replace(`/brokerages/connection/${id}`)}
      onBack={() => router.replace('/brokerages')}
    />
  );
}

export function ConnectionRoute() {
  const router = useRouter();
  const back = useBackTo('/brokerages');
  const { id } = useLocalSearchParams();
  if (typeof id !== 'string') return <Redirect href="/brokerages" />;
  return (
    <ConnectionScreen
      key={id}
      id={id}
      onBack={back}
      onLog={() => router.push(`/brokerages/log/${id}`)}
      onGone={() => router.replace('/brokerages')}
    />
  );
}

export function LogRoute() {
  const back = useBackTo('/brokerages');
  const { id } = useLocalSearchParams();
  if (typeof id !== 'string') return <Redirect href="/brokerages" />;
  return <LogScreen key={id} id={id} onBack={back} />;
}

export function ImportsRoute() {
  const router = useRouter();
  return (
    <ImportsScreen
      onBack={useBackTo('/brokerages')}
      onOpen={(id) => router.push(`/brokerages/import/${id}`)}
    />
  );
}

export function ImportRoute() {
  const back = useBackTo('/brokerages/import');
  const { id } = useLocalSearchParams();
  if (typeof id !== 'string') return <Redirect href="/brokerages/import" />;
  return <ImportScreen key={id} id={id} onBack={back} />;
}
