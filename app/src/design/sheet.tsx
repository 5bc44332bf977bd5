/** A sheet from below: grabber, title, content. Escape, the scrim and the close button end it. */
import type { ReactNode } from 'react';
import { Modal, Pressable, ScrollView, StyleSheet } from 'react-native';
import { useSafeAreaInsets } from 'react-native-safe-area-context';

import { Box, Row } from '@/design/box';
import { IconButton } from '@/design/button';
import { icons } from '@/design/icons';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, radius, space } from '@/design/tokens';
import { useEscape } from '@/design/use-escape';
import { useReducedMotion } from '@/design/use-reduced-motion';

export interface SheetProps {
  open: boolean;
  onClose: () => void;
  title: string;
  closeLabel: string;
  subtitle?: ReactNode;
  children: ReactNode;
  dock?: ReactNode;
}

export function Sheet({ open, onClose, title, closeLabel, subtitle, children, dock }: SheetProps) {
  const { c } = useTheme();
  const insets = useSafeAreaInsets();
  const reduced = useReducedMotion();
  useEscape(open, onClose);
  return (
    <Modal
      visible={open}
      transparent
      animationType={reduced ? 'fade' : 'slide'}
      onRequestClose={onClose}
      aria-label={title}
    >
      <Box flex={1} justify="flex-end" align="center">
        <Pressable
          tabIndex={-1}
          aria-hidden
          onPress={onClose}
          style={[StyleSheet.absoluteFill, { backgroundColor: c.surface.scrim }]}
        />
        <Box
          testID="sheet"
          style={[styles.sheet, { backgroundColor: c.surface.s1, borderColor: c.line.strong }]}
        >
          <Box style={[styles.grabber, { backgroundColor: c.line.strong }]} />
          <Row padX="s4" gap="s2">
            <Box flex={1}>
              <Text variant="title2" heading={2} lines={2}>
                {title}
              </Text>
              {subtitle}
            </Box>
            <IconButton icon={icons.close} label={closeLabel} onPress={onClose} />
          </Row>
          <ScrollView
            tabIndex={0}
            contentContainerStyle={{ padding: space.s4, paddingBottom: space.s6 + insets.bottom }}
          >
            {children}
          </ScrollView>
          {dock}
        </Box>
      </Box>
    </Modal>
  );
}

const styles = StyleSheet.create({
  sheet: {
    width: '100%',
    maxWidth: 560,
    maxHeight: '88%',
    borderTopLeftRadius: radius.xl,
    borderTopRightRadius: radius.xl,
    borderWidth: border.thin,
    borderBottomWidth: 0,
  },
  grabber: {
    alignSelf: 'center',
    width: 36,
    height: 4,
    borderRadius: 2,
    marginTop: space.s2,
    marginBottom: space.s1,
  },
});
