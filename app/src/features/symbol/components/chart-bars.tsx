/** Prices and volume of the chart: candles, or a line of closes where bars are too many. */
import { Defs, G, LinearGradient, Path, Rect, Stop } from 'react-native-svg';

import { useTheme } from '@/design/theme';
import { drawsLine, type Plot } from '@/features/symbol/chart-model';
import type { Candle } from '@/features/symbol/model';

/** Rising candles hollow, falling candles filled. */
export function Candles({ plot, candles }: { plot: Plot; candles: readonly Candle[] }) {
  const { c } = useTheme();
  const half = plot.body / 2;
  return (
    <G>
      {candles.map((candle, index) => {
        const up = candle.close >= candle.open;
        const color = up ? c.up.base : c.down.base;
        const x = plot.x(index);
        const top = plot.y(Math.max(candle.open, candle.close));
        const bottom = Math.max(top + 1, plot.y(Math.min(candle.open, candle.close)));
        return (
          <G key={candle.at}>
            <Path
              d={`M${x} ${plot.y(candle.high)} V${top} M${x} ${bottom} V${plot.y(candle.low)}`}
              stroke={color}
              strokeWidth={1.2}
            />
            <Rect
              x={x - half}
              y={top}
              width={plot.body}
              height={bottom - top}
              rx={1}
              fill={up ? 'none' : color}
              stroke={color}
              strokeWidth={1.2}
            />
          </G>
        );
      })}
    </G>
  );
}

export function CloseLine({ plot, candles }: { plot: Plot; candles: readonly Candle[] }) {
  const { c } = useTheme();
  const points = candles.map(
    (each, index) => `${plot.x(index).toFixed(1)} ${plot.y(each.close).toFixed(1)}`,
  );
  const last = candles.length - 1;
  const area = `M${points.join(' L')} L${plot.x(last)} ${plot.bottom} L${plot.x(0)} ${plot.bottom} Z`;
  return (
    <G>
      <Defs>
        <LinearGradient id="closes" x1="0" y1="0" x2="0" y2="1">
          <Stop offset="0" stopColor={c.accent.base} stopOpacity={0.26} />
          <Stop offset="1" stopColor={c.accent.base} stopOpacity={0} />
        </LinearGradient>
      </Defs>
      <Path d={area} fill="url(#closes)" />
      <Path
        d={`M${points.join(' L')}`}
        stroke={c.accent.base}
        strokeWidth={1.6}
        strokeLinejoin="round"
        fill="none"
      />
    </G>
  );
}

export function Prices({ plot, candles }: { plot: Plot; candles: readonly Candle[] }) {
  return drawsLine(plot) ? (
    <CloseLine plot={plot} candles={candles} />
  ) : (
    <Candles plot={plot} candles={candles} />
  );
}

export function Volume({ plot, candles }: { plot: Plot; candles: readonly Candle[] }) {
  const { c } = useTheme();
  const span = plot.volumeBottom - plot.volumeTop;
  if (span <= 0) return null;
  return (
    <G>
      {candles.map((candle, index) => {
        const height = ((candle.volume ?? 0) / plot.volumeMax) * span;
        return (
          <Rect
            key={candle.at}
            x={plot.x(index) - plot.body / 2}
            y={plot.volumeBottom - height}
            width={plot.body}
            height={height}
            fill={candle.close >= candle.open ? c.up.fill : c.down.fill}
            fillOpacity={0.45}
          />
        );
      })}
    </G>
  );
}
