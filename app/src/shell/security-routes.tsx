/** Security: the overview, and the page behind each of its rows. */
import { Redirect, useLocalSearchParams, useRouter } from 'expo-router';

import { sessionStore } from '@/api/session-store';
import type { User } from '@/api/types';
import { AuthenticatorScreen } from '@/features/security/authenticator-screen';
import { DeleteScreen, ExportScreen } from '@/features/security/data-screens';
import { EmailScreen } from '@/features/security/email-screen';
import { IssuersScreen } from '@/features/security/issuers-screen';
import { PasskeysScreen } from '@/features/security/passkeys-screen';
import { PasswordScreen } from '@/features/security/password-screen';
import { RecoveryCodesScreen } from '@/features/security/recovery-codes-screen';
import type { SecurityPlace } from '@/features/security/security-screen';
import { SessionsScreen } from '@/features/security/sessions-screen';
import { useStore } from '@/lib/external-store';
import { useBackTo } from '@/shell/use-back-to';

interface PlaceProps {
  place: SecurityPlace;
  user: User;
  onBack: () => void;
  onExport: () => void;
}

function Place({ place, user, onBack, onExport }: PlaceProps) {
  switch (place) {
    case 'authenticator':
      return <AuthenticatorScreen user={user} onBack={onBack} />;
    case 'recovery-codes':
      return <RecoveryCodesScreen user={user} onBack={onBack} />;
    case 'passkeys':
      return <PasskeysScreen user={user} onBack={onBack} />;
    case 'sessions':
      return <SessionsScreen onBack={onBack} />;
    case 'password':
      return <PasswordScreen user={user} onBack={onBack} />;
    case 'email':
      return <EmailScreen user={user} onBack={onBack} />;
    case 'issuers':
      return <IssuersScreen onBack={onBack} />;
    case 'export':
      return <ExportScreen onBack={onBack} />;
    case 'delete-account':
      return <DeleteScreen user={user} onBack={onBack} onExport={onExport} />;
  }
}

const PLACES: ReadonlySet<string> = new Set<SecurityPlace>([
  'authenticator',
  'recovery-codes',
  'passkeys',
  'sessions',
  'password',
  'email',
  'issuers',
  'export',
  'delete-account',
]);

function isPlace(text: unknown): text is SecurityPlace {
  return typeof text === 'string' && PLACES.has(text);
}

export function SecurityPlaceRoute() {
  const router = useRouter();
  const back = useBackTo('/security');
  const session = useStore(sessionStore);
  const { place } = useLocalSearchParams();
  if (session.phase !== 'signed-in') return null;
  if (!isPlace(place)) return <Redirect href="/security" />;
  return (
    <Place
      key={place}
      place={place}
      user={session.user}
      onBack={back}
      onExport={() => router.push('/security/export')}
    />
  );
}
