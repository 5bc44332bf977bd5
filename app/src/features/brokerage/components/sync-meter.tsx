/** How far the reading of a connection has come; nothing while none is under way. */
import type { Connection } from '@/api/types';
import { Meter } from '@/design/meter';
import { Notice } from '@/design/notice';
import { isReading } from '@/features/brokerage/model';
import { useProgress } from '@/features/brokerage/sync-events';
import { isEnd, partsRead, STEP_PARTS, stepKey } from '@/features/brokerage/sync-model';
import { t } from '@/i18n/t';

export function SyncMeter({ connection }: { connection: Connection }) {
  const progress = useProgress(connection.id);
  if (progress?.step === 'failed' && progress.problem !== null && connection.problem === null) {
    return <Notice kind="warning" text={progress.problem} testID="sync-failed" />;
  }
  const running = progress !== null && !isEnd(progress);
  if (!running && !isReading(connection)) return null;
  const step = t(
    running ? stepKey(progress.step) : connection.syncing ? 'sync.running' : 'sync.waiting',
  );
  const words =
    running && progress.of > 0
      ? t('sync.step.of', { step, done: progress.done, of: progress.of })
      : step;
  return (
    <Meter
      label={t('sync.label')}
      filled={running ? partsRead(progress) : 0}
      parts={STEP_PARTS}
      words={words}
      tone="accent"
      testID="sync-progress"
    />
  );
}
