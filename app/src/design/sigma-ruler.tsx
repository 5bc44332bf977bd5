/** Where today's price stands inside its expected day: the tick is yesterday's close. */
import { StyleSheet } from 'react-native';

import { Box } from '@/design/box';
import { toneColor, type Tone } from '@/design/text';
import { useTheme } from '@/design/theme';

const HEIGHT = 28;
const DOT = 7;

/** `sigmas`: today's move in expected daily moves; the ends of the ruler are ±2. */
export function SigmaRuler({ sigmas, tone }: { sigmas: number; tone: Tone }) {
  const { c } = useTheme();
  const share = (2 - Math.min(2, Math.max(-2, sigmas))) / 4;
  return (
    <Box width={12} height={HEIGHT} align="center" hidden>
      <Box style={[styles.track, { backgroundColor: c.surface.s3 }]} />
      <Box style={[styles.zero, { backgroundColor: c.text.tertiary }]} />
      <Box
        style={[
          styles.dot,
          {
            top: share * (HEIGHT - DOT),
            backgroundColor: toneColor(c, tone),
            borderColor: c.surface.base,
          },
        ]}
      />
    </Box>
  );
}

const styles = StyleSheet.create({
  track: { position: 'absolute', top: 0, bottom: 0, width: 6, borderRadius: 3 },
  zero: { position: 'absolute', top: HEIGHT / 2 - 0.5, width: 11, height: 1 },
  dot: { position: 'absolute', width: DOT + 2, height: DOT + 2, borderRadius: DOT, borderWidth: 1 },
});
