/** The page around an account form: title, lead, form, and the way to the other form. */
import type { ReactNode } from 'react';
import { StyleSheet } from 'react-native';

import { Box } from '@/design/box';
import { Button, IconButton } from '@/design/button';
import { icons } from '@/design/icons';
import { Header, Screen } from '@/design/screen';
import { Scroll } from '@/design/scroll';
import { Text } from '@/design/text';
import { t } from '@/i18n/t';

export interface AuthPageProps {
  title: string;
  lead: string;
  other: { title: string; onPress: () => void };
  onBack: () => void;
  children: ReactNode;
}

export function AuthPage({ title, lead, other, onBack, children }: AuthPageProps) {
  return (
    <Screen
      label={title}
      header={
        <Header>
          <IconButton edge icon={icons.back} label={t('nav.back')} onPress={onBack} />
        </Header>
      }
    >
      <Scroll>
        <Box padX="s4" gap="s6" style={styles.column}>
          <Box gap="s1">
            <Text variant="hero" weight={700} heading={1} numeric={false}>
              {title}
            </Text>
            <Text tone="secondary">{lead}</Text>
          </Box>
          {children}
          <Button kind="text" title={other.title} onPress={other.onPress} />
        </Box>
      </Scroll>
    </Screen>
  );
}

const styles = StyleSheet.create({
  column: { width: '100%', maxWidth: 440, alignSelf: 'center', paddingTop: 24 },
});
