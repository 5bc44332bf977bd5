/** The sheet that asks for a fresh factor, whoever needs it. Closing it leaves everything as it was. */
import { useQuery } from '@tanstack/react-query';

import { Loaded } from '@/api/loaded';
import { stepUpStore, type StepUpQuestion } from '@/api/step-up';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { FactorForm, type GivenFactor } from '@/design/factor-form';
import { Sheet } from '@/design/sheet';
import { Text } from '@/design/text';
import { factorsQuery, proveStepUp } from '@/features/security/api';
import { t } from '@/i18n/t';
import { useStore } from '@/lib/external-store';

function Question({ question }: { question: StepUpQuestion }) {
  const factors = useQuery(factorsQuery);
  const prove = useAction<GivenFactor>(
    async (given) => question.answered(await proveStepUp(given)),
    ['code', 'password'],
  );
  const { fields, form } = prove.words;
  return (
    <Sheet
      open
      onClose={question.cancelled}
      title={t('stepup.title')}
      closeLabel={t('action.cancel')}
    >
      <Box gap="s5" testID="step-up">
        <Text tone="secondary">{t('stepup.lead')}</Text>
        <Loaded query={factors} rows={1}>
          {(data) => (
            <FactorForm
              ways={data.step_up_methods}
              busy={prove.busy}
              error={fields.code ?? fields.password ?? form}
              submitTitle={t('factor.submit')}
              onProve={(given) => void prove.run(given)}
            />
          )}
        </Loaded>
      </Box>
    </Sheet>
  );
}

export function StepUpSheet() {
  const question = useStore(stepUpStore);
  return question === null ? null : <Question question={question} />;
}
