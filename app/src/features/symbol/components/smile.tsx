/** The smile of the shown expiration, redrawn every few seconds from the live contracts. */
import { useEffect, useState } from 'react';
import Svg, { Circle, G, Line, Polyline, Text as SvgText } from 'react-native-svg';

import type { Expiration } from '@/api/types';
import { Box, Row } from '@/design/box';
import { Text } from '@/design/text';
import { svgFontFamily } from '@/design/fonts';
import { useTheme } from '@/design/theme';
import { smileOf, type SmilePoint } from '@/features/symbol/smile-model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import { axis, percent } from '@/lib/format';
import { ticks } from '@/lib/market-math';
import { chainKey, chains, contracts, quotes } from '@/stream/live';

export interface SmileProps {
  symbol: string;
  expiration: Expiration;
}

const EVERY_MS = 2_000;
const HEIGHT = 190;
const LEFT = 40;
const BOTTOM = 22;

interface Shown {
  points: SmilePoint[];
  spot: number;
}

function read(symbol: string, expiration: Expiration): Shown | null {
  const state = chains.newest(chainKey(symbol, expiration.date));
  const spot = quotes.newest(symbol)?.last;
  if (state === undefined || typeof spot !== 'number') return null;
  const root = state.roots.at(-1)?.root;
  const mine = state.contracts.filter((each) => each.root === root);
  const points = smileOf(mine, (key) => contracts.newest(key), spot, expiration.expected_move);
  return points.length < 3 ? null : { points, spot };
}

function useSmile(symbol: string, expiration: Expiration): Shown | null {
  const [shown, setShown] = useState<Shown | null>(null);
  useEffect(() => {
    const refresh = () => setShown(read(symbol, expiration));
    const soon = setTimeout(refresh, 0);
    const timer = setInterval(refresh, EVERY_MS);
    return () => {
      clearTimeout(soon);
      clearInterval(timer);
    };
  }, [symbol, expiration]);
  return shown;
}

function Plot({ points, spot, width }: Shown & { width: number }) {
  const { c } = useTheme();
  const ivs = points.map((point) => point.iv);
  const low = Math.min(...ivs);
  const air = Math.max(0.01, (Math.max(...ivs) - low) * 0.1);
  const [bottom, top] = [low - air, Math.max(...ivs) + air];
  const first = points[0]?.strike ?? 0;
  const span = (points.at(-1)?.strike ?? 1) - first || 1;
  const x = (strike: number) => LEFT + ((strike - first) / span) * (width - LEFT - 16);
  const y = (iv: number) => 8 + ((top - iv) / (top - bottom)) * (HEIGHT - BOTTOM - 8);
  const near = points.reduce((a, b) =>
    Math.abs(b.strike - spot) < Math.abs(a.strike - spot) ? b : a,
  );
  const text = { fill: c.chart.axis, fontSize: 11, fontFamily: svgFontFamily };
  const strikes = ticks(first, first + span, 4);
  return (
    <Svg width={width} height={HEIGHT} aria-hidden>
      {ticks(bottom, top, 3).values.map((value) => (
        <G key={value}>
          <Line x1={LEFT} x2={width - 16} y1={y(value)} y2={y(value)} stroke={c.chart.grid} />
          <SvgText {...text} x={LEFT - 6} y={y(value) + 4} textAnchor="end">
            {percent(value, 0)}
          </SvgText>
        </G>
      ))}
      {strikes.values.map((value) => (
        <SvgText key={value} {...text} x={x(value)} y={HEIGHT - 4} textAnchor="middle">
          {axis(value, strikes.step)}
        </SvgText>
      ))}
      <Line
        x1={x(spot)}
        x2={x(spot)}
        y1={4}
        y2={HEIGHT - BOTTOM}
        stroke={c.chart.axis}
        strokeDasharray="2 3"
      />
      <Polyline
        points={points
          .map((point) => `${x(point.strike).toFixed(1)},${y(point.iv).toFixed(1)}`)
          .join(' ')}
        stroke={c.chart.series[0]}
        strokeWidth={2}
        strokeLinejoin="round"
        fill="none"
      />
      <Circle cx={x(near.strike)} cy={y(near.iv)} r={4} fill={c.chart.series[0]} />
    </Svg>
  );
}

export function Smile({ symbol, expiration }: SmileProps) {
  const shown = useSmile(symbol, expiration);
  const [width, setWidth] = useState(0);
  if (shown === null) return null;
  const ivs = shown.points.map((point) => point.iv);
  return (
    <Box
      rule="top"
      padY="s3"
      role="img"
      label={t('smile.label', {
        date: shortDate(expiration.date),
        low: percent(Math.min(...ivs)),
        high: percent(Math.max(...ivs)),
      })}
      onLayout={(event) => setWidth(event.nativeEvent.layout.width)}
    >
      <Row padX="s4" gap="s2" align="baseline">
        <Text variant="title3">{t('smile.title')}</Text>
        <Text variant="label" tone="tertiary">
          {shortDate(expiration.date)}
        </Text>
        <Box flex={1} />
        <Text variant="caption" tone="tertiary">
          {t('smile.note')}
        </Text>
      </Row>
      {width === 0 ? null : <Plot {...shown} width={width} />}
    </Box>
  );
}
