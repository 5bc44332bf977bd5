/** The head over the strikes: sides, and the columns of the chosen set with their units. */
import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { columnsOf, columnWord, type ColumnSet } from '@/features/chain/columns';
import { strikeWidth } from '@/features/chain/components/strike-line';
import { t } from '@/i18n/t';

function Side({ set, side, wide }: { set: ColumnSet; side: 'call' | 'put'; wide: boolean }) {
  return (
    <Box flex={1} style={{ minWidth: 0 }}>
      <Text variant="label" weight={600} align="center">
        {t(side === 'call' ? 'chain.calls' : 'chain.puts')}
      </Text>
      <Row style={{ paddingRight: 5 }} height={24}>
        {columnsOf(set, side, wide).map((name) => (
          <Box key={name} style={{ flex: 1, minWidth: 0 }}>
            <Text variant="micro" tone="tertiary" align="right" lines={1}>
              {t(columnWord(name))}
            </Text>
          </Box>
        ))}
      </Row>
    </Box>
  );
}

export function ChainHead({ set, wide = false }: { set: ColumnSet; wide?: boolean }) {
  return (
    <Row surface="s1" rule="bottom" align="flex-start" style={{ paddingTop: 6 }}>
      <Side set={set} side="call" wide={wide} />
      <Box width={strikeWidth(set)} align="center">
        <Text variant="label" weight={600}>
          {t('chain.strike')}
        </Text>
        <Row height={24}>
          <Text variant="micro" tone="tertiary">
            {t('chain.strikeiv')}
          </Text>
        </Row>
      </Box>
      <Side set={set} side="put" wide={wide} />
    </Row>
  );
}
