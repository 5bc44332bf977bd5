/** The second factor of a sign-in: the password was right, one more proof is asked for. */
import type { Challenge } from '@/api/session';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { FactorForm, type GivenFactor } from '@/design/factor-form';
import { Notice } from '@/design/notice';
import { proveFactor } from '@/features/auth/api';
import { AuthPage } from '@/features/auth/components/auth-page';
import { t } from '@/i18n/t';
import { useSecondsLeft } from '@/lib/countdown';

export interface SecondFactorScreenProps {
  challenge: Challenge;
  onBack: () => void;
}

export function SecondFactorScreen({ challenge, onBack }: SecondFactorScreenProps) {
  const left = useSecondsLeft(challenge.endsAt);
  const prove = useAction<GivenFactor>(
    (given) => proveFactor(challenge.challenge, given),
    ['code'],
  );
  const ended = left === 0 || prove.words.code === 'challenge_invalid';
  return (
    <AuthPage
      title={t('factor.title')}
      lead={t('factor.lead')}
      step={{ at: 1, of: 2 }}
      onBack={onBack}
      testID="second-factor"
    >
      {ended ? (
        <Box gap="s4">
          <Notice kind="warning" title={t('factor.ended.title')} text={t('factor.ended.text')} />
          <Button title={t('factor.again')} onPress={onBack} testID="factor-again" />
        </Box>
      ) : (
        <FactorForm
          ways={challenge.methods}
          busy={prove.busy}
          error={prove.words.fields.code ?? prove.words.form}
          submitTitle={t('factor.submit')}
          onProve={(given) => void prove.run(given)}
        />
      )}
    </AuthPage>
  );
}
