/** The picture of the first page: a price and the range it is expected to stay in. */
import Svg, { Circle, Defs, Line, LinearGradient, Path, Stop } from 'react-native-svg';

import { useTheme } from '@/design/theme';

const PRICE =
  'M0 104 L14 98 L26 108 L38 96 L52 102 L66 84 L80 92 L94 78 L106 86 L120 70 L134 80 L148 66 L160 74 L172 70';

export function ConeArt() {
  const { c } = useTheme();
  return (
    <Svg width="100%" height={150} viewBox="0 0 358 150" aria-hidden>
      <Defs>
        <LinearGradient id="cone" x1="0" y1="0" x2="1" y2="0">
          <Stop offset="0" stopColor={c.chain.bandEdge} stopOpacity={0.02} />
          <Stop offset="1" stopColor={c.chain.bandEdge} stopOpacity={0.34} />
        </LinearGradient>
      </Defs>
      {[32, 70, 108, 146].map((y) => (
        <Line key={y} x1={0} x2={358} y1={y} y2={y} stroke={c.chart.grid} strokeWidth={1} />
      ))}
      <Path d="M172 70 C180 34 232 14 320 4 L320 136 C232 126 180 106 172 70 Z" fill="url(#cone)" />
      <Path
        d="M172 70 C180 34 232 14 320 4 M172 70 C180 106 232 126 320 136"
        stroke={c.chain.bandEdge}
        strokeWidth={1.5}
        strokeDasharray="3 3"
        fill="none"
      />
      <Line x1={320} x2={320} y1={4} y2={136} stroke={c.chain.bandEdge} strokeWidth={2} />
      <Path d={PRICE} stroke={c.text.primary} strokeWidth={2} strokeLinejoin="round" fill="none" />
      <Line
        x1={172}
        x2={358}
        y1={70}
        y2={70}
        stroke={c.text.tertiary}
        strokeWidth={1}
        strokeDasharray="2 4"
      />
      <Circle cx={172} cy={70} r={9} fill={c.accent.base} fillOpacity={0.25} />
      <Circle cx={172} cy={70} r={4.5} fill={c.accent.base} />
    </Svg>
  );
}
