/** Back from a broker's page, in a browser: the code is exchanged at once, or what went wrong is said. */
import { useEffect, useState } from 'react';

import type { Connection } from '@/api/types';
import { wordsOf } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { Skeleton } from '@/design/skeleton';
import { finishConnect } from '@/features/brokerage/api';
import { CONNECTED_PATH, problemWords } from '@/features/brokerage/connect-model';
import { t } from '@/i18n/t';
import { backFrom } from '@/lib/trip';

export interface ConnectedScreenProps {
  onConnected: (connectionId: string) => void;
  onBack: () => void;
}

type Outcome = { made: Connection } | { problem: string };

async function finish(): Promise<Outcome> {
  const back = await backFrom(CONNECTED_PATH);
  if ('problem' in back) return { problem: problemWords(back.problem) };
  const { provider = '', handle = '' } = back.kept;
  try {
    return { made: await finishConnect({ provider, handle, code: back.code, values: {} }) };
  } catch (error) {
    return { problem: wordsOf(error).form ?? '' };
  }
}

let arrival: Promise<Outcome> | null = null;

/** The code works once: a second mount of this page shares the first one's exchange. */
function arrive(): Promise<Outcome> {
  arrival ??= finish().finally(() => {
    arrival = null;
  });
  return arrival;
}

export function ConnectedScreen({ onConnected, onBack }: ConnectedScreenProps) {
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let left = false;
    void arrive().then((outcome) => {
      if (left) return;
      if ('problem' in outcome) setProblem(outcome.problem);
      else onConnected(outcome.made.id);
    });
    return () => {
      left = true;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only the first look at the address counts
  }, []);
  return (
    <Page
      title={t('connected.title')}
      lead={problem === null ? t('connected.lead') : undefined}
      onBack={onBack}
      testID="connected"
    >
      {problem === null ? (
        <Box gap="s2" live="polite">
          <Skeleton width="80%" height={20} />
          <Skeleton width="55%" height={20} />
        </Box>
      ) : (
        <Box gap="s4">
          <Notice
            kind="warning"
            title={t('connected.failed')}
            text={problem}
            testID="connect-problem"
          />
          <Button title={t('connected.back')} onPress={onBack} testID="connected-back" />
        </Box>
      )}
    </Page>
  );
}
