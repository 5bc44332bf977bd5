/** One row of a file: what was read in it, and what would become of it. */
import type { ImportRow } from '@/api/brokerage-wire';
import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { activityWords, cashWords, verdictLook } from '@/features/brokerage/import-model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';

export function ImportLine({ row, last }: { row: ImportRow; last: boolean }) {
  const { key, tone } = verdictLook(row.verdict);
  const words = activityWords(row);
  const day = row.activity === null ? '' : shortDate(row.activity.day);
  return (
    <Box padX="s4" padY="s3" gap="s0" rule={last ? undefined : 'bottom'} testID="import-row">
      <Row gap="s3" align="flex-start">
        <Box flex={1}>
          <Text variant="label" weight={500}>
            {words || t('import.line', { line: row.line })}
          </Text>
        </Box>
        <Text variant="label" numeric>
          {cashWords(row)}
        </Text>
      </Row>
      <Row gap="s3" justify="space-between">
        <Text variant="caption" tone="tertiary" numeric>
          {words === '' ? '' : [t('import.line', { line: row.line }), day].join(' · ')}
        </Text>
        <Text variant="caption" weight={600} tone={tone}>
          {t(key)}
        </Text>
      </Row>
      {row.why === '' ? null : (
        <Text variant="caption" tone="secondary">
          {row.why}
        </Text>
      )}
    </Box>
  );
}
