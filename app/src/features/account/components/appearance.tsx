/** How things look: theme and the two colours of direction. Both follow the account. */
import { StyleSheet } from 'react-native';

import { changePreferences } from '@/api/preferences';
import type { Preferences } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { ChoiceList } from '@/design/choice-list';
import { paletteOf, PAIRS, type Pair } from '@/design/direction-colours';
import { FormError } from '@/design/form-error';
import { Segmented } from '@/design/segmented';
import { Text } from '@/design/text';
import { useLook, useTheme, type SchemeChoice } from '@/design/theme';
import { t } from '@/i18n/t';

const THEMES: readonly { value: SchemeChoice; label: string }[] = [
  { value: 'system', label: t('you.theme.system') },
  { value: 'dark', label: t('you.theme.dark') },
  { value: 'light', label: t('you.theme.light') },
];

/** The two colours as they print, with the cues that never depend on them. */
function Sample({ pair }: { pair: Pair }) {
  const { scheme } = useTheme();
  const { up, down } = paletteOf(scheme, pair);
  return (
    <Row gap="s2" hidden style={styles.sample}>
      <Text variant="title3" style={{ color: up.base }}>
        ▲
      </Text>
      <Text variant="title3" style={{ color: down.base }}>
        ▼
      </Text>
    </Row>
  );
}

const CHOICES = PAIRS.map((pair) => ({
  value: pair,
  title: t(`you.colours.${pair}`),
  text: t(`you.colours.${pair}.text`),
  art: <Sample pair={pair} />,
}));

export function Appearance() {
  const { theme, pair, choose } = useLook();
  const save = useAction<Partial<Preferences>>(changePreferences);
  const pick = (next: { theme?: SchemeChoice; pair?: Pair }) => {
    choose(next);
    void save.run({
      ...(next.theme && { theme: next.theme }),
      ...(next.pair && { direction_colours: next.pair }),
    });
  };
  return (
    <Box gap="s3">
      <Segmented
        options={THEMES}
        value={theme}
        onChange={(value) => pick({ theme: value })}
        label={t('you.theme')}
      />
      <ChoiceList
        label={t('you.colours')}
        choices={CHOICES}
        value={pair}
        onChange={(value) => pick({ pair: value })}
      />
      <FormError text={save.words.form} />
    </Box>
  );
}

const styles = StyleSheet.create({ sample: { width: 48 } });
