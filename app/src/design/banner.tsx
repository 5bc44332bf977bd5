/** A state every number on the screen shares. It stays until the state ends. */
import { useId } from 'react';
import { StyleSheet } from 'react-native';
import Svg, { Defs, Line, Pattern, Rect } from 'react-native-svg';

import { Box, Row } from '@/design/box';
import { FreshnessGlyph } from '@/design/freshness';
import { Icon, type IconShape } from '@/design/icon';
import { Text, type Tone } from '@/design/text';
import { useTheme, type Palette } from '@/design/theme';
import { Touchable } from '@/design/touchable';
import { border, touch } from '@/design/tokens';

export type BannerKind = 'offline' | 'stale' | 'simulated' | 'replay' | 'delayed' | 'notice';

export interface BannerProps {
  kind: BannerKind;
  title: string;
  text: string;
  icon?: IconShape;
  action?: { label: string; onPress: () => void };
}

function palette(c: Palette, kind: BannerKind): { tint: string; line: string; tone: Tone } {
  if (kind === 'simulated' || kind === 'replay')
    return { tint: c.simulated.tint, line: c.simulated.line, tone: 'simulated' };
  if (kind === 'offline') return { tint: c.stale.tint, line: c.stale.line, tone: 'stale' };
  if (kind === 'notice') return { tint: c.surface.s1, line: c.line.subtle, tone: 'primary' };
  return { tint: c.warning.tint, line: c.warning.line, tone: 'warning' };
}

/** The 45-degree hatch of a market that is not real. */
function Hatch({ color }: { color: string }) {
  const id = useId().replace(/[^a-zA-Z0-9]/g, '');
  return (
    <Svg width="100%" height="100%" style={StyleSheet.absoluteFill} aria-hidden>
      <Defs>
        <Pattern
          id={id}
          width={9}
          height={9}
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <Line x1={0} y1={0} x2={0} y2={9} stroke={color} strokeWidth={1} strokeOpacity={0.4} />
        </Pattern>
      </Defs>
      <Rect width="100%" height="100%" fill={`url(#${id})`} />
    </Svg>
  );
}

export function Banner({ kind, title, text, icon, action }: BannerProps) {
  const { c } = useTheme();
  const colors = palette(c, kind);
  return (
    <Row
      role="status"
      gap="s3"
      padX="s4"
      padY="s2"
      testID={`banner-${kind}`}
      style={[styles.frame, { backgroundColor: colors.tint, borderBottomColor: colors.line }]}
    >
      {kind === 'simulated' ? <Hatch color={c.simulated.line} /> : null}
      {icon ? (
        <Icon of={icon} tone={colors.tone} />
      ) : (
        <FreshnessGlyph kind={glyphOf(kind)} size={14} />
      )}
      <Box flex={1}>
        <Text variant="label" tone="secondary">
          <Text variant="label" weight={600} tone={colors.tone}>
            {title}
          </Text>{' '}
          {text}
        </Text>
      </Box>
      {action ? (
        <Touchable onPress={action.onPress} quiet style={styles.action}>
          <Text variant="label" weight={600} tone={colors.tone}>
            {action.label}
          </Text>
        </Touchable>
      ) : null}
    </Row>
  );
}

function glyphOf(kind: BannerKind) {
  return kind === 'notice' ? 'live' : kind;
}

const styles = StyleSheet.create({
  frame: { minHeight: touch.min, borderBottomWidth: border.thin },
  action: { minHeight: touch.min, justifyContent: 'center' },
});
