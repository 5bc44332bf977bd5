/** Rail and top bar around the screens of a wide window. */
import { usePathname, useRouter } from 'expo-router';
import { StyleSheet } from 'react-native';
import type { ReactNode } from 'react';

import { Box, Row } from '@/design/box';
import { Icon } from '@/design/icon';
import { Logo } from '@/design/logo';
import { useTheme } from '@/design/theme';
import { border, layout, radius } from '@/design/tokens';
import { Touchable } from '@/design/touchable';
import { t } from '@/i18n/t';
import { sections } from '@/shell/sections';

function sectionOf(path: string): (typeof sections)[number]['name'] {
  if (/^\/(you|security|admin)/.test(path)) return 'you';
  return /^\/(portfolio|history|brokerages)/.test(path) ? 'portfolio' : 'markets';
}

function Rail() {
  const { c } = useTheme();
  const router = useRouter();
  const path = usePathname();
  const section = sectionOf(path);
  return (
    <Box
      role="navigation"
      label={t('nav.label')}
      surface="s1"
      align="center"
      gap="s3"
      padY="s4"
      style={[styles.rail, { borderRightColor: c.line.subtle }]}
    >
      <Logo size={34} />
      <Box height={8} />
      {sections.map(({ name, href, title, icon }) => {
        const on = section === name;
        return (
          <Touchable
            key={name}
            label={title}
            role="link"
            current={on}
            testID={`rail-${name}`}
            onPress={() => router.navigate(href)}
            style={[styles.item, on && { backgroundColor: c.accent.tint }]}
          >
            <Icon of={icon} size="lg" tone={on ? 'accent' : 'secondary'} />
          </Touchable>
        );
      })}
    </Box>
  );
}

export function DesktopFrame({ shown, children }: { shown: boolean; children: ReactNode }) {
  return (
    <Row flex={1} align="stretch" style={styles.frame}>
      {shown ? <Rail /> : null}
      <Box flex={1} style={styles.frame}>
        {children}
      </Box>
    </Row>
  );
}

const styles = StyleSheet.create({
  frame: { minHeight: 0, minWidth: 0 },
  rail: { width: layout.desktop.rail, borderRightWidth: border.thin },
  item: {
    width: 48,
    height: 48,
    borderRadius: radius.md,
    alignItems: 'center',
    justifyContent: 'center',
  },
});
