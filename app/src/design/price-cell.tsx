/** A live figure: right-aligned, its background flashes when it moves, its digits never do. */
import { useState } from 'react';
import { StyleSheet } from 'react-native';

import { Box } from '@/design/box';
import { Flash } from '@/design/flash';
import { flashGate } from '@/design/flash-gate';
import { Text, type TextVariant, type Tone } from '@/design/text';
import { useTheme } from '@/design/theme';
import type { Maybe } from '@/lib/format';

const FLASH_GAP_MS = 500;

interface Seen {
  value: Maybe;
  at: number;
  seq: number;
  up: boolean;
  streamed: boolean;
}

export interface PriceCellProps {
  value: Maybe;
  text: string;
  variant?: TextVariant;
  tone?: Tone;
  align?: 'left' | 'right';
  /** Device time at which the value came from the stream; 0 when it did not. */
  at: number;
  flash?: boolean;
  testID?: string;
}

function next(seen: Seen, value: Maybe, at: number): Seen {
  const both = typeof value === 'number' && typeof seen.value === 'number';
  // The step from an answer of the API to the first tick is not a move of the market.
  if (!both || !seen.streamed || flashGate.closed || at - seen.at < FLASH_GAP_MS) {
    return { ...seen, value, streamed: at > 0 };
  }
  return { value, at, seq: seen.seq + 1, up: value > (seen.value ?? value), streamed: true };
}

export function PriceCell(props: PriceCellProps) {
  const { c } = useTheme();
  const [seen, setSeen] = useState<Seen>({
    value: props.value,
    at: 0,
    seq: 0,
    up: true,
    streamed: props.at > 0,
  });
  // Deriving during render keeps the flash in the frame that shows the new digits.
  const current = Object.is(seen.value, props.value) ? seen : next(seen, props.value, props.at);
  if (current !== seen) setSeen(current);
  const { flash = true, align = 'right' } = props;
  return (
    <Box style={[styles.cell, align === 'right' ? styles.right : styles.left]}>
      {flash && current.seq > 0 ? (
        <Flash key={current.seq} color={current.up ? c.up.flash : c.down.flash} />
      ) : null}
      <Text
        testID={props.testID}
        variant={props.variant ?? 'numDense'}
        tone={props.tone ?? 'primary'}
        align={align}
        numeric
        lines={1}
      >
        {props.text}
      </Text>
    </Box>
  );
}

const styles = StyleSheet.create({
  cell: { justifyContent: 'center', paddingHorizontal: 3, marginHorizontal: -3 },
  right: { alignSelf: 'flex-end' },
  left: { alignSelf: 'flex-start' },
});
