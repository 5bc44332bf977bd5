/** The head over the strikes: sides, and the columns of the chosen set with their units. */
import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { columnsOf, columnWord, isPrice, type ColumnSet } from '@/features/chain/columns';
import { strikeWidth } from '@/features/chain/components/strike-line';
import { t } from '@/i18n/t';

function Side({ set, side }: { set: ColumnSet; side: 'call' | 'put' }) {
  return (
    <Box flex={1} style={{ minWidth: 0 }}>
      <Text variant="label" weight={600} align="center">
        {t(side === 'call' ? 'chain.calls' : 'chain.puts')}
      </Text>
      <Row style={{ paddingLeft: 3, paddingRight: side === 'call' ? 5 : 6 }} height={24}>
        {columnsOf(set, side).map((name) => (
          <Box key={name} style={{ flex: isPrice(name) ? 1.14 : 1, minWidth: 0 }}>
            <Text variant="micro" tone="tertiary" align="right" lines={1}>
              {t(columnWord(name))}
            </Text>
          </Box>
        ))}
      </Row>
    </Box>
  );
}

export function ChainHead({ set }: { set: ColumnSet }) {
  return (
    <Row surface="s1" rule="bottom" align="flex-start" style={{ paddingTop: 6 }}>
      <Side set={set} side="call" />
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
      <Side set={set} side="put" />
    </Row>
  );
}
