/** The drawn layers of the price chart, from the grid up. */
import { Defs, G, Line, LinearGradient, Path, Rect, Stop, Text as SvgText } from 'react-native-svg';

import { svgFontFamily } from '@/design/fonts';
import { useTheme } from '@/design/theme';
import { coneEdge, drawsLine, type Plot, type TimeTick } from '@/features/symbol/chart-model';
import type { Candle, Cone } from '@/features/symbol/model';
import { t } from '@/i18n/t';
import { axis, price } from '@/lib/format';

const LABEL = 11;

export function Grid({ plot }: { plot: Plot }) {
  const { c } = useTheme();
  return (
    <G>
      {plot.grid.values.map((value) => (
        <G key={value}>
          <Line x1={0} x2={plot.right} y1={plot.y(value)} y2={plot.y(value)} stroke={c.chart.grid} strokeWidth={1} />
          <SvgText
            x={plot.right + 44}
            y={plot.y(value) + 4}
            fill={c.chart.axis}
            fontSize={LABEL}
            fontFamily={svgFontFamily}
            textAnchor="end"
          >
            {axis(value, plot.grid.step)}
          </SvgText>
        </G>
      ))}
    </G>
  );
}

export function TimeAxis({ plot, marks, height }: { plot: Plot; marks: readonly TimeTick[]; height: number }) {
  const { c } = useTheme();
  return (
    <G>
      {marks.map((mark) => (
        <SvgText
          key={`${mark.x}`}
          x={mark.x}
          y={height - 6}
          fill={c.chart.axis}
          fontSize={LABEL}
          fontFamily={svgFontFamily}
          textAnchor="middle"
        >
          {mark.text}
        </SvgText>
      ))}
      <Line x1={0} x2={plot.right} y1={plot.volumeBottom} y2={plot.volumeBottom} stroke={c.chart.grid} />
    </G>
  );
}

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
              fill={up ? c.surface.base : color}
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
  const points = candles.map((each, index) => `${plot.x(index).toFixed(1)} ${plot.y(each.close).toFixed(1)}`);
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
      <Path d={`M${points.join(' L')}`} stroke={c.accent.base} strokeWidth={1.6} strokeLinejoin="round" fill="none" />
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

export interface ConeProps {
  plot: Plot;
  cone: Cone;
  from: number;
  spot: number;
}

export function ExpectedMove({ plot, cone, from, spot }: ConeProps) {
  const { c } = useTheme();
  const up = coneEdge(plot, from, cone, spot, 1);
  const down = coneEdge(plot, from, cone, spot, -1);
  const end = plot.x(from) + cone.slots * plot.slot;
  const high = plot.y(spot + cone.move);
  const low = plot.y(spot - cone.move);
  const text = { fill: c.accent.base, fontSize: LABEL, fontFamily: svgFontFamily, fontWeight: 600, textAnchor: 'end' as const };
  return (
    <G>
      <Defs>
        <LinearGradient id="move" x1="0" y1="0" x2="1" y2="0">
          <Stop offset="0" stopColor={c.chain.bandEdge} stopOpacity={0.03} />
          <Stop offset="1" stopColor={c.chain.bandEdge} stopOpacity={0.34} />
        </LinearGradient>
      </Defs>
      <Path d={`M${up} L${down.split(' L').reverse().join(' L')} Z`} fill="url(#move)" />
      <Path d={`M${up}`} stroke={c.chain.bandEdge} strokeWidth={1.4} strokeDasharray="3 3" fill="none" />
      <Path d={`M${down}`} stroke={c.chain.bandEdge} strokeWidth={1.4} strokeDasharray="3 3" fill="none" />
      <Line x1={end} x2={end} y1={high} y2={low} stroke={c.chain.bandEdge} strokeWidth={2} />
      <SvgText {...text} x={end - 2} y={Math.max(LABEL, high - 6)}>
        {t('chart.up', { value: axis(spot + cone.move, 0.1) })}
      </SvgText>
      <SvgText {...text} x={end - 2} y={low + 14}>
        {t('chart.down', { value: axis(spot - cone.move, 0.1) })}
      </SvgText>
    </G>
  );
}

/** The price as a dashed line with its tag on the axis. */
export function PriceTag({ plot, value, up, stale }: { plot: Plot; value: number; up: boolean; stale: boolean }) {
  const { c } = useTheme();
  const color = stale ? c.stale.base : up ? c.up.base : c.down.base;
  const y = plot.y(value);
  return (
    <G>
      <Line x1={0} x2={plot.right} y1={y} y2={y} stroke={color} strokeWidth={1} strokeDasharray="2 4" />
      <Rect x={plot.right - 2} y={y - 9} width={54} height={18} rx={5} fill={color} />
      <SvgText
        x={plot.right + 25}
        y={y + 4}
        fill={c.text.onFill}
        fontSize={LABEL}
        fontWeight={600}
        fontFamily={svgFontFamily}
        textAnchor="middle"
      >
        {price(value)}
      </SvgText>
    </G>
  );
}

export function Crosshair({ plot, index, candle }: { plot: Plot; index: number; candle: Candle }) {
  const { c } = useTheme();
  const x = plot.x(index);
  const y = plot.y(candle.close);
  return (
    <G>
      <Line x1={x} x2={x} y1={0} y2={plot.volumeBottom} stroke={c.chart.crosshair} strokeWidth={1} />
      <Line x1={0} x2={plot.right} y1={y} y2={y} stroke={c.chart.crosshair} strokeWidth={1} strokeDasharray="2 3" />
    </G>
  );
}
