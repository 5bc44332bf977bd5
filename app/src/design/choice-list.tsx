/** One of a few ways, each with a sentence: a card of rows with a round mark. */
import type { ReactNode } from 'react';
import { StyleSheet } from 'react-native';

import { Box } from '@/design/box';
import { Card } from '@/design/card';
import { Icon } from '@/design/icon';
import { icons } from '@/design/icons';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, radius } from '@/design/tokens';
import { Touchable } from '@/design/touchable';

export interface Choice<T extends string> {
  value: T;
  title: string;
  text?: string;
  art?: ReactNode;
}

export interface ChoiceListProps<T extends string> {
  label: string;
  choices: readonly Choice<T>[];
  value: T;
  onChange: (value: T) => void;
}

export function ChoiceList<T extends string>(props: ChoiceListProps<T>) {
  const { c } = useTheme();
  return (
    <Card role="radiogroup" label={props.label}>
      {props.choices.map((choice, index) => {
        const on = choice.value === props.value;
        return (
          <Touchable
            key={choice.value}
            role="radio"
            checked={on}
            quiet
            onPress={() => props.onChange(choice.value)}
            testID={`choice-${choice.value}`}
            style={[
              styles.row,
              index > 0 && { borderTopWidth: border.thin, borderTopColor: c.line.subtle },
              on && { backgroundColor: c.accent.tint },
            ]}
          >
            {choice.art}
            <Box flex={1}>
              <Text weight={500}>{choice.title}</Text>
              {choice.text ? (
                <Text variant="label" weight={400} tone="secondary">
                  {choice.text}
                </Text>
              ) : null}
            </Box>
            <Box
              align="center"
              justify="center"
              style={[
                styles.mark,
                on
                  ? { backgroundColor: c.accent.fill, borderColor: c.accent.fill }
                  : { borderColor: c.line.control },
              ]}
            >
              {on ? <Icon of={icons.check} size="sm" tone="onAccent" /> : null}
            </Box>
          </Touchable>
        );
      })}
    </Card>
  );
}

const styles = StyleSheet.create({
  row: {
    minHeight: 58,
    paddingHorizontal: 16,
    paddingVertical: 8,
    flexDirection: 'row',
    alignItems: 'center',
    gap: 12,
  },
  mark: { width: 24, height: 24, borderRadius: radius.pill, borderWidth: border.focus },
});
