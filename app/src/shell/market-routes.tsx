/** The routes of market data: one screen at a time on a phone, panes side by side when wide. */
import { useRouter } from 'expo-router';

import { MarketsScreen } from '@/features/markets/markets-screen';

export function MarketsRoute() {
  const router = useRouter();
  return <MarketsScreen onOpen={(symbol) => router.push(`/symbol/${symbol}`)} />;
}
