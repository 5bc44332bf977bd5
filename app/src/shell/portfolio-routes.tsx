/** Portfolio home and the history behind it. */
import { useRouter } from 'expo-router';

import { useSyncEvents } from '@/features/brokerage/sync-events';
import { HistoryScreen } from '@/features/portfolio/history-screen';
import { PortfolioScreen } from '@/features/portfolio/portfolio-screen';
import { useBackTo } from '@/shell/use-back-to';

export function PortfolioRoute() {
  const router = useRouter();
  useSyncEvents();
  return (
    <PortfolioScreen
      onConnect={() => router.push('/brokerages/add')}
      onBrokerages={() => router.push('/brokerages')}
      onHistory={() => router.push('/history')}
      onAccount={({ connection_id: id }) =>
        router.push(id === null ? '/brokerages' : `/brokerages/connection/${id}`)
      }
    />
  );
}

export function HistoryRoute() {
  return <HistoryScreen onBack={useBackTo('/portfolio')} />;
}
