/** The star: filled when the symbol is on the list. */
import { addSymbol, deviceList, removeSymbol } from '@/api/device-list';
import { IconButton } from '@/design/button';
import { icons } from '@/design/icons';
import { t } from '@/i18n/t';
import { useStore } from '@/lib/external-store';

export function WatchButton({ symbol }: { symbol: string }) {
  const watched = useStore(deviceList).symbols.includes(symbol);
  return (
    <IconButton
      testID="watch"
      icon={icons.star}
      filled={watched}
      tone={watched ? 'primary' : 'secondary'}
      label={t(watched ? 'symbol.unwatch' : 'symbol.watch', { symbol })}
      onPress={() => (watched ? removeSymbol(symbol) : addSymbol(symbol))}
    />
  );
}
