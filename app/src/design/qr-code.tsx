/** A QR code. It is dark on light in both themes: many cameras read nothing else. */
import { useMemo } from 'react';
import Svg, { Path, Rect } from 'react-native-svg';
import { encode } from 'uqr';

import { Box } from '@/design/box';
import { qrPath } from '@/design/qr-path';
import { colors } from '@/design/tokens';

export interface QrCodeProps {
  text: string;
  label: string;
  size?: number;
  testID?: string;
}

/** Modules of quiet zone that the standard asks for. */
const QUIET = 4;

export function QrCode({ text, label, size = 208, testID }: QrCodeProps) {
  const { path, side } = useMemo(() => {
    const code = encode(text, { ecc: 'M', border: QUIET });
    return { path: qrPath(code.data), side: code.size };
  }, [text]);
  const ground = colors.light.surface.s1;
  return (
    <Box role="img" label={label} testID={testID} radius="md" style={{ overflow: 'hidden' }}>
      <Svg width={size} height={size} viewBox={`0 0 ${side} ${side}`} aria-hidden>
        <Rect width={side} height={side} fill={ground} />
        <Path d={path} fill={colors.dark.surface.base} />
      </Svg>
    </Box>
  );
}
