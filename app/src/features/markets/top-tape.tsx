/** The indices in the top bar of a wide window. */
import { useTape } from '@/features/markets/api';
import { Tape } from '@/features/markets/components/tape';
import { useOutage } from '@/stream/hooks';

export function TopTape({ onOpen }: { onOpen: (symbol: string) => void }) {
  const tape = useTape();
  const outage = useOutage();
  return <Tape symbols={tape} outage={outage} inline onOpen={onOpen} />;
}
