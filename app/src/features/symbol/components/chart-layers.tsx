/** The drawn layers of the price chart, from the grid up. */
import { Defs, G, Line, LinearGradient, Path, Rect, Stop, Text as SvgText } from 'react-native-svg';

import { svgFontFamily } from '@/design/fonts';
import { useTheme } from '@/design/theme';
import { coneEdge, type Plot, type TimeTick } from '@/features/symbol/chart-model';
import type { Candle, Cone } from '@/features/symbol/model';
import { t } from '@/i18n/t';
import { axis, price } from '@/lib/format';

const LABEL = 11;

const TAG_CLEAR = 14;

/** Grid lines with their prices; the price tag covers no label. */
export function Grid({ plot, spot }: { plot: Plot; spot: number | null }) {
  const { c } = useTheme();
  return (
    <G>
      {plot.grid.values.map((value) => (
        <G key={value}>
          <Line
            x1={0}
            x2={plot.right}
            y1={plot.y(value)}
            y2={plot.y(value)}
            stroke={c.chart.grid}
            strokeWidth={1}
          />
          {spot !== null && Math.abs(plot.y(value) - plot.y(spot)) < TAG_CLEAR ? null : (
            <SvgText
              x={plot.right + 48}
              y={plot.y(value) + 4}
              fill={c.chart.axis}
              fontSize={LABEL}
              fontFamily={svgFontFamily}
              textAnchor="end"
            >
              {axis(value, plot.grid.step)}
            </SvgText>
          )}
        </G>
      ))}
    </G>
  );
}

export function TimeAxis({
  plot,
  marks,
  height,
}: {
  plot: Plot;
  marks: readonly TimeTick[];
  height: number;
}) {
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
      <Line
        x1={0}
        x2={plot.right}
        y1={plot.volumeBottom}
        y2={plot.volumeBottom}
        stroke={c.chart.grid}
      />
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
  const text = {
    fill: c.accent.base,
    fontSize: LABEL,
    fontFamily: svgFontFamily,
    fontWeight: 600,
    textAnchor: 'end' as const,
  };
  // Drawn twice: a halo of the surface first, so that no grid line runs through the words.
  const halo = { stroke: c.surface.base, strokeWidth: 3, strokeOpacity: 0.6 };
  return (
    <G>
      <Defs>
        <LinearGradient id="move" x1="0" y1="0" x2="1" y2="0">
          <Stop offset="0" stopColor={c.chain.bandEdge} stopOpacity={0.03} />
          <Stop offset="1" stopColor={c.chain.bandEdge} stopOpacity={0.34} />
        </LinearGradient>
      </Defs>
      <Path d={`M${up} L${down.split(' L').reverse().join(' L')} Z`} fill="url(#move)" />
      <Path
        d={`M${up}`}
        stroke={c.chain.bandEdge}
        strokeWidth={1.4}
        strokeDasharray="3 3"
        fill="none"
      />
      <Path
        d={`M${down}`}
        stroke={c.chain.bandEdge}
        strokeWidth={1.4}
        strokeDasharray="3 3"
        fill="none"
      />
      <Line x1={end} x2={end} y1={high} y2={low} stroke={c.chain.bandEdge} strokeWidth={2} />
      {[halo, {}].map((outline, layer) => (
        <G key={layer}>
          <SvgText {...text} {...outline} x={end - 2} y={Math.max(LABEL, high - 6)}>
            {t('chart.up', { value: axis(spot + cone.move, 0.1) })}
          </SvgText>
          <SvgText {...text} {...outline} x={end - 2} y={low + 14}>
            {t('chart.down', { value: axis(spot - cone.move, 0.1) })}
          </SvgText>
        </G>
      ))}
    </G>
  );
}

/** The price as a dashed line with its tag on the axis. */
export function PriceTag({
  plot,
  value,
  up,
  stale,
}: {
  plot: Plot;
  value: number;
  up: boolean;
  stale: boolean;
}) {
  const { c } = useTheme();
  const color = stale ? c.stale.base : up ? c.up.base : c.down.base;
  const y = plot.y(value);
  return (
    <G>
      <Line
        x1={0}
        x2={plot.right}
        y1={y}
        y2={y}
        stroke={color}
        strokeWidth={1}
        strokeDasharray="2 4"
      />
      <Rect x={plot.right + 2} y={y - 9} width={52} height={18} rx={5} fill={color} />
      <SvgText
        x={plot.right + 28}
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
      <Line
        x1={x}
        x2={x}
        y1={0}
        y2={plot.volumeBottom}
        stroke={c.chart.crosshair}
        strokeWidth={1}
      />
      <Line
        x1={0}
        x2={plot.right}
        y1={y}
        y2={y}
        stroke={c.chart.crosshair}
        strokeWidth={1}
        strokeDasharray="2 3"
      />
    </G>
  );
}
