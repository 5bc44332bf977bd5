/** The line that says how a connection is: what is left of its sign-in, its state, value and age. */
import type { Connection } from '@/api/types';
import { Box, Row } from '@/design/box';
import { CountdownRing } from '@/design/countdown-ring';
import { Freshness } from '@/design/freshness';
import { Text } from '@/design/text';
import {
  ageMark,
  isCurrent,
  oldestMs,
  ringOf,
  stateWords,
  valueWords,
  type RingLook,
} from '@/features/brokerage/model';
import { t } from '@/i18n/t';
import { MISSING } from '@/lib/format';
import { useNow } from '@/lib/now';

function ringLabel({ text, tone }: RingLook): string {
  if (tone === 'danger') return t('brokerage.ring.ended');
  if (text === null) return t('brokerage.ring.forever');
  return text === MISSING
    ? t('brokerage.state.disconnected')
    : t('brokerage.ring.left', { left: text });
}

export function ConnectionHead({ connection }: { connection: Connection }) {
  const now = useNow();
  const ring = ringOf(connection, now);
  const state = stateWords(connection, now);
  const current = isCurrent(connection);
  const mark = ageMark(oldestMs(connection.accounts), !current, now);
  return (
    <Row gap="s3">
      <CountdownRing {...ring} label={ringLabel(ring)} />
      <Box flex={1}>
        <Text weight={600} lines={1}>
          {connection.label}
        </Text>
        <Text variant="label" tone={state.tone} testID="connection-state">
          {state.text}
        </Text>
      </Box>
      <Box align="flex-end">
        {valueWords(connection.accounts).map((value, index) => (
          <Text
            key={value}
            numeric
            align="right"
            variant={index === 0 ? 'body' : 'label'}
            weight={500}
            tone={current ? 'primary' : 'stale'}
          >
            {value}
          </Text>
        ))}
        <Freshness kind={mark.kind} text={mark.text} />
      </Box>
    </Row>
  );
}
