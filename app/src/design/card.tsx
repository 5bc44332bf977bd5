/** A card: for things that act as one object, nothing else. */
import type { ReactNode } from 'react';

import { Box, type BoxProps } from '@/design/box';

export function Card({ children, ...props }: BoxProps & { children: ReactNode }) {
  return (
    <Box surface="s1" radius="lg" bordered {...props} style={[{ overflow: 'hidden' }, props.style]}>
      {children}
    </Box>
  );
}
