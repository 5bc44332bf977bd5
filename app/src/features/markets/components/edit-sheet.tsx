/** Order and remove the symbols of the list. */
import { deviceList, moveSymbolUp, removeSymbol } from '@/api/device-list';
import { Box, Row } from '@/design/box';
import { IconButton } from '@/design/button';
import { icons } from '@/design/icons';
import { Sheet } from '@/design/sheet';
import { Text } from '@/design/text';
import { t } from '@/i18n/t';
import { useStore } from '@/lib/external-store';

export interface EditSheetProps {
  open: boolean;
  onClose: () => void;
  names: ReadonlyMap<string, string>;
}

export function EditSheet({ open, onClose, names }: EditSheetProps) {
  const { symbols } = useStore(deviceList);
  return (
    <Sheet
      open={open}
      onClose={onClose}
      title={t('markets.edit.title')}
      closeLabel={t('action.done')}
      subtitle={
        <Text variant="label" tone="tertiary">
          {t('markets.edit.note')}
        </Text>
      }
    >
      {symbols.map((symbol, index) => (
        <Row key={symbol} rule="bottom" gap="s1" style={{ minHeight: 52 }}>
          <Box flex={1}>
            <Text variant="title3">{symbol}</Text>
            <Text variant="caption" tone="tertiary" lines={1}>
              {names.get(symbol) ?? ''}
            </Text>
          </Box>
          {index > 0 ? (
            <IconButton
              icon={icons.moveUp}
              label={t('markets.edit.up', { symbol })}
              onPress={() => moveSymbolUp(symbol)}
            />
          ) : null}
          <IconButton
            icon={icons.remove}
            tone="danger"
            label={t('markets.edit.remove', { symbol })}
            onPress={() => removeSymbol(symbol)}
          />
        </Row>
      ))}
    </Sheet>
  );
}
