/** A scrolling column that keyboards can reach. */
import type { ReactNode } from 'react';
import { RefreshControl, ScrollView, StyleSheet } from 'react-native';

import { useTheme } from '@/design/theme';
import { space } from '@/design/tokens';

export interface ScrollProps {
  children: ReactNode;
  label?: string;
  grow?: boolean;
  onRefresh?: () => void;
  refreshing?: boolean;
}

export function Scroll({ children, label, grow, onRefresh, refreshing = false }: ScrollProps) {
  const { c } = useTheme();
  return (
    <ScrollView
      tabIndex={0}
      aria-label={label}
      role={label === undefined ? undefined : 'region'}
      keyboardShouldPersistTaps="handled"
      contentContainerStyle={[styles.content, grow && styles.grow]}
      refreshControl={
        onRefresh ? (
          <RefreshControl
            refreshing={refreshing}
            onRefresh={onRefresh}
            tintColor={c.text.tertiary}
          />
        ) : undefined
      }
    >
      {children}
    </ScrollView>
  );
}

const styles = StyleSheet.create({
  content: { paddingBottom: space.s4 },
  grow: { flexGrow: 1 },
});
