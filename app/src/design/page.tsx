/** A page behind another: back, title, a column that scrolls, and a dock for the one action. */
import type { ReactNode } from 'react';
import { StyleSheet } from 'react-native';

import { Box } from '@/design/box';
import { IconButton } from '@/design/button';
import { icons } from '@/design/icons';
import { Header, Screen } from '@/design/screen';
import { Scroll } from '@/design/scroll';
import { Text } from '@/design/text';
import { t } from '@/i18n/t';

export interface PageProps {
  title: string;
  lead?: string;
  onBack: () => void;
  /** What stands at the end of the header. */
  trailing?: ReactNode;
  dock?: ReactNode;
  wide?: boolean;
  onRefresh?: () => void;
  refreshing?: boolean;
  testID?: string;
  children: ReactNode;
}

export function Page(props: PageProps) {
  const column = [styles.column, props.wide ? styles.wide : styles.narrow];
  return (
    <Screen
      label={props.title}
      testID={props.testID}
      header={
        <Header>
          <IconButton
            edge
            icon={icons.back}
            label={t('nav.back')}
            onPress={props.onBack}
            testID="back"
          />
          <Box flex={1}>
            <Text variant="title2" heading={1} lines={1}>
              {props.title}
            </Text>
          </Box>
          {props.trailing}
        </Header>
      }
      dock={props.dock ? <Box style={column}>{props.dock}</Box> : undefined}
    >
      <Scroll onRefresh={props.onRefresh} refreshing={props.refreshing}>
        <Box padX="s4" padY="s2" gap="s5" style={column}>
          {props.lead ? <Text tone="secondary">{props.lead}</Text> : null}
          {props.children}
        </Box>
      </Scroll>
    </Screen>
  );
}

/** A group of a page with its name above. */
export function Section({ title, note, children }: SectionProps) {
  return (
    <Box gap="s2">
      <Text variant="label" tone="tertiary" heading={2}>
        {title}
      </Text>
      {children}
      {note ? (
        <Text variant="label" weight={400} tone="tertiary">
          {note}
        </Text>
      ) : null}
    </Box>
  );
}

interface SectionProps {
  title: string;
  note?: string;
  children: ReactNode;
}

const styles = StyleSheet.create({
  column: { width: '100%', alignSelf: 'center' },
  narrow: { maxWidth: 640 },
  wide: { maxWidth: 1040 },
});
