/** The frame of a screen: safe areas, a header of 48, content, and a dock in reach of the thumb. */
import type { ReactNode } from 'react';
import { StyleSheet } from 'react-native';
import { useSafeAreaInsets } from 'react-native-safe-area-context';

import { Box, Row } from '@/design/box';
import { useTheme } from '@/design/theme';
import { border, layout, space } from '@/design/tokens';

export interface ScreenProps {
  header?: ReactNode;
  dock?: ReactNode;
  children: ReactNode;
  /** The title of the screen for people who hear it. */
  label: string;
  testID?: string;
}

export function Screen({ header, dock, children, label, testID }: ScreenProps) {
  const { c } = useTheme();
  const insets = useSafeAreaInsets();
  return (
    <Box flex={1} surface="base" role="main" label={label} testID={testID}>
      {header}
      <Box flex={1} style={styles.content}>
        {children}
      </Box>
      {dock ? (
        <Box
          surface="s1"
          style={[
            styles.dock,
            { borderTopColor: c.line.subtle, paddingBottom: Math.max(insets.bottom, space.s3) },
          ]}
        >
          {dock}
        </Box>
      ) : null}
    </Box>
  );
}

export function Header({ children }: { children: ReactNode }) {
  return (
    <Row gap="s1" style={styles.header}>
      {children}
    </Row>
  );
}

const styles = StyleSheet.create({
  content: { minHeight: 0 },
  // Icon buttons bring 10 of air on each side: the icon itself then stands on the margin.
  header: {
    minHeight: layout.phone.header + space.s2,
    paddingVertical: space.s1,
    paddingLeft: space.s4,
    paddingRight: space.s1,
  },
  dock: { borderTopWidth: border.thin, paddingTop: space.s3, paddingHorizontal: space.s4 },
});
