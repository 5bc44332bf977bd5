/** Back from an issuer: the code is exchanged at once; what went wrong is said with a way on. */
import { useEffect, useState } from 'react';

import { IssuerProblem, wordsOf } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Notice } from '@/design/notice';
import { Skeleton } from '@/design/skeleton';
import { AuthPage } from '@/features/auth/components/auth-page';
import { t } from '@/i18n/t';
import { backFromIssuer, type IssuerReturn } from '@/lib/issuer-trip';

export type Arrived = Exclude<IssuerReturn, { problem: string }>;

export interface IssuerReturnScreenProps {
  onArrived: (back: Arrived) => Promise<void>;
  onBack: () => void;
}

let arrival: Promise<void> | null = null;

/** The code works once: a second mount of this page shares the first one's exchange. */
function arrive(onArrived: IssuerReturnScreenProps['onArrived']): Promise<void> {
  arrival ??= backFromIssuer()
    .then((back) => {
      if ('problem' in back) throw new IssuerProblem(back.problem);
      return onArrived(back);
    })
    .finally(() => {
      arrival = null;
    });
  return arrival;
}

export function IssuerReturnScreen({ onArrived, onBack }: IssuerReturnScreenProps) {
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    arrive(onArrived).catch((error: unknown) => setProblem(wordsOf(error).form ?? ''));
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only the first look at the address counts
  }, []);
  return (
    <AuthPage title={t('issuer.title')} lead={t('issuer.lead')} onBack={onBack} testID="issuer">
      {problem === null ? (
        <Box gap="s2">
          <Skeleton width="80%" height={20} />
          <Skeleton width="55%" height={20} />
        </Box>
      ) : (
        <Box gap="s4">
          <Notice kind="warning" title={t('auth.failed')} text={problem} testID="issuer-problem" />
          <Button title={t('issuer.back')} onPress={onBack} />
        </Box>
      )}
    </AuthPage>
  );
}
