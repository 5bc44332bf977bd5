/** The mark of OPTIX: the payoff line of a spread inside a ring. */
import Svg, { Circle, Path } from 'react-native-svg';

import { useTheme } from '@/design/theme';

export function Logo({ size = 32 }: { size?: number }) {
  const { c } = useTheme();
  return (
    <Svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <Circle cx={16} cy={16} r={13.5} stroke={c.accent.base} strokeWidth={2.6} fill="none" />
      <Path
        d="M8 20.5 H12.6 L19.4 11.5 H24"
        stroke={c.text.primary}
        strokeWidth={2.4}
        strokeLinecap="round"
        strokeLinejoin="round"
        fill="none"
      />
    </Svg>
  );
}
