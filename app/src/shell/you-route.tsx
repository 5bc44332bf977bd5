/** You, and the ways on from there. */
import { useRouter } from 'expo-router';

import { YouScreen } from '@/features/account/you-screen';

export function YouRoute() {
  const router = useRouter();
  return (
    <YouScreen
      onBrokerages={() => router.push('/brokerages')}
      onSecurity={() => router.push('/security')}
      onAgreement={() => router.push('/agreement')}
      onAdmin={() => router.push('/admin')}
    />
  );
}
