/** The page around an account form: where one is, title, lead, form, and the way to the other. */
import type { ReactNode } from 'react';
import { StyleSheet } from 'react-native';

import { Box } from '@/design/box';
import { Button, IconButton } from '@/design/button';
import { icons } from '@/design/icons';
import { Logo } from '@/design/logo';
import { Steps } from '@/design/meter';
import { Header, Screen } from '@/design/screen';
import { Scroll } from '@/design/scroll';
import { Text } from '@/design/text';
import { t } from '@/i18n/t';
import { useWide } from '@/lib/use-wide';

export interface AuthPageProps {
  title: string;
  lead: string;
  /** Which page of how many this is. */
  step?: { at: number; of: number };
  other?: { title: string; onPress: () => void };
  onBack: () => void;
  children: ReactNode;
  testID?: string;
}

function Top({ step, onBack }: Pick<AuthPageProps, 'step' | 'onBack'>) {
  return (
    <Header>
      <IconButton edge icon={icons.back} label={t('nav.back')} onPress={onBack} testID="back" />
      <Box flex={1} align="center">
        {step ? <Steps {...step} label={t('nav.step', { at: step.at + 1, of: step.of })} /> : null}
      </Box>
      <Box width={44} />
    </Header>
  );
}

export function AuthPage({ title, lead, step, other, onBack, children, testID }: AuthPageProps) {
  const wide = useWide();
  return (
    <Screen label={title} testID={testID} header={<Top step={step} onBack={onBack} />}>
      <Scroll grow={wide}>
        <Box padX="s4" gap="s6" style={[styles.column, wide && styles.wide]}>
          {wide ? <Logo size={40} /> : null}
          <Box gap="s1">
            <Text variant="hero" weight={700} heading={1} numeric={false}>
              {title}
            </Text>
            <Text tone="secondary">{lead}</Text>
          </Box>
          {children}
          {other ? <Button kind="text" title={other.title} onPress={other.onPress} /> : null}
        </Box>
      </Scroll>
    </Screen>
  );
}

const styles = StyleSheet.create({
  column: { width: '100%', maxWidth: 440, alignSelf: 'center', paddingTop: 24 },
  wide: { marginVertical: 'auto', paddingBottom: 96 },
});
