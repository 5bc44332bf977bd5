/** Loads the step-up sheet the first time something asks for it: no first screen needs it. */
import { lazy, Suspense } from 'react';

import { stepUpStore } from '@/api/step-up';
import { useStore } from '@/lib/external-store';

const StepUpSheet = lazy(() =>
  import('@/features/security/step-up-sheet').then((module) => ({ default: module.StepUpSheet })),
);

export function StepUpGate() {
  const asked = useStore(stepUpStore) !== null;
  return asked ? (
    <Suspense fallback={null}>
      <StepUpSheet />
    </Suspense>
  ) : null;
}
