/** One row of a file: what was read in it, and what would become of it. */
import type { ImportRow } from '@/api/types';
import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { activityWords, cashWords, verdictLook } from '@/features/brokerage/import-model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';

export function ImportLine({ row, last }: { row: ImportRow; last: boolean }) {
  const { key, tone } = verdictLook(row.verdict);
  const { activity } = row;
  const line = t('import.line', { line: row.line });
  const verdict = (
    <Text variant="caption" weight={600} tone={tone}>
      {t(key)}
    </Text>
  );
  return (
    <Box padX="s4" padY="s3" gap="s0" rule={last ? undefined : 'bottom'} testID="import-row">
      <Row gap="s3" align="flex-start">
        <Box flex={1}>
          <Text variant="label" weight={500}>
            {activity === null ? line : activityWords(row)}
          </Text>
        </Box>
        {activity === null ? (
          verdict
        ) : (
          <Text variant="label" numeric>
            {cashWords(row)}
          </Text>
        )}
      </Row>
      {activity === null ? null : (
        <Row gap="s3" justify="space-between">
          <Text variant="caption" tone="tertiary" numeric>
            {`${line} · ${shortDate(activity.day)}`}
          </Text>
          {verdict}
        </Row>
      )}
      {row.why === '' ? null : (
        <Text variant="caption" tone="secondary">
          {row.why}
        </Text>
      )}
    </Box>
  );
}
