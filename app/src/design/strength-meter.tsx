/** What the server thinks of a new password: a meter, and what would make it stronger. */
import { Box } from '@/design/box';
import { Meter } from '@/design/meter';
import { Text, type Tone } from '@/design/text';
import { t } from '@/i18n/t';

export interface Strength {
  score: number;
  acceptable: boolean;
  breached: boolean;
  warning: string | null;
  suggestions: readonly string[];
}

const TONES: readonly Tone[] = ['danger', 'danger', 'warning', 'accent', 'accent'];
const SCORES = ['0', '1', '2', '3', '4'] as const;

export function StrengthMeter({ strength }: { strength: Strength | undefined }) {
  if (strength === undefined) return null;
  const { acceptable, breached } = strength;
  const score = Math.min(4, Math.max(0, Math.round(strength.score)));
  const tone = acceptable ? (TONES[score] ?? 'accent') : score > 2 ? 'warning' : 'danger';
  const said = breached
    ? [t('strength.breached')]
    : [strength.warning, ...strength.suggestions].filter((each) => each !== null && each !== '');
  return (
    <Box gap="s1" testID="strength">
      <Meter
        label={t('strength.label')}
        parts={4}
        filled={Math.max(1, score)}
        tone={tone}
        words={t(breached ? 'strength.known' : `strength.${SCORES[score] ?? '0'}`)}
      />
      {acceptable && score > 2 ? null : (
        <Box live="polite">
          {said.map((each) => (
            <Text key={each} variant="label" weight={400} tone="secondary">
              {each}
            </Text>
          ))}
        </Box>
      )}
    </Box>
  );
}
