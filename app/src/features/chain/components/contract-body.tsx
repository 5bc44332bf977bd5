/** One contract: its quote and spread, its figures, what moves it, and why a number is missing. */
import { StyleSheet } from 'react-native';

import type { ChainRoot, Quality } from '@/api/types';
import { Box, Row } from '@/design/box';
import { Change } from '@/design/direction';
import { Freshness } from '@/design/freshness';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { breakEven, flagNames } from '@/features/chain/model';
import { sentencesOf } from '@/features/chain/sentences';
import { parts, t } from '@/i18n/t';
import { exchangeTime } from '@/lib/dates';
import {
  compact,
  isNumber,
  percent,
  premium,
  price,
  priceParts,
  signed,
  signedPercent,
} from '@/lib/format';
import { change, changeFraction, middle, priceOf } from '@/lib/market-math';
import { LiveFreshness } from '@/stream/live-freshness';
import type { ContractInfo, ContractTick } from '@/stream/protocol';

export interface ContractBodyProps {
  symbol: string;
  info: ContractInfo;
  tick: ContractTick;
  root: ChainRoot | null;
  quality: Quality;
  stale: boolean;
}

function Spread({ tick }: { tick: ContractTick }) {
  const { c } = useTheme();
  const { bid, ask } = tick;
  const mid = middle(bid, ask);
  const wide = mid === null || bid === null || ask === null ? null : (ask - bid) / mid;
  return (
    <Box width={176}>
      <Row justify="space-between">
        <Text variant="label" numeric>
          {premium(bid)}
        </Text>
        <Text variant="caption" tone="tertiary" numeric>
          {t('contract.spread', { value: bid === null || ask === null ? '—' : premium(ask - bid) })}
        </Text>
        <Text variant="label" numeric>
          {premium(ask)}
        </Text>
      </Row>
      <Box style={[styles.track, { backgroundColor: c.surface.s3 }]}>
        {wide === null ? null : (
          <Box
            style={[
              styles.spread,
              {
                backgroundColor: c.accent.line,
                width: `${Math.min(100, Math.max(6, wide * 400))}%`,
              },
            ]}
          />
        )}
      </Box>
      <Row justify="space-between">
        <Text variant="caption" tone="tertiary" numeric>
          {t('contract.bidsize', { size: compact(tick.bidSize) })}
        </Text>
        <Text variant="caption" tone="tertiary" numeric>
          {percent(wide)}
        </Text>
        <Text variant="caption" tone="tertiary" numeric>
          {t('contract.asksize', { size: compact(tick.askSize) })}
        </Text>
      </Row>
    </Box>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <Box>
      <Text variant="caption" tone="tertiary">
        {name}
      </Text>
      <Text variant="num">{value}</Text>
    </Box>
  );
}

function Reasons({ tick }: { tick: ContractTick }) {
  const flags = flagNames(tick.flags).filter((flag) => flag !== tick.status);
  if (tick.status === 'ok' && flags.length === 0) return null;
  return (
    <Box surface="s2" radius="md" pad="s3" gap="s1" testID="contract-reason">
      {tick.status === 'ok' ? null : (
        <Text variant="label" tone="warning">
          {t(`status.${tick.status}`)}
        </Text>
      )}
      {flags.map((flag) => (
        <Text key={flag} variant="label" tone="secondary">
          {t(`flag.${flag}`)}
        </Text>
      ))}
    </Box>
  );
}

function Moves({ tick, symbol }: { tick: ContractTick; symbol: string }) {
  const lines = sentencesOf(tick, symbol);
  if (lines.length === 0) return null;
  return (
    <Box>
      <Box style={{ paddingBottom: 8 }}>
        <Text variant="title3" heading={3}>
          {t('contract.moves')}
        </Text>
      </Box>
      {lines.map((line) => (
        <Row key={line.name} rule="top" padY="s2" gap="s3" align="flex-start">
          <Box width={92}>
            <Text variant="caption" tone="tertiary">
              {t(line.name)}
            </Text>
            <Text variant="num">{line.value}</Text>
          </Box>
          <Box flex={1}>
            <Text tone="secondary">
              {parts(line.text, line.values).map((part, index) =>
                part.value && /^\W?[\d.]/.test(part.text) ? (
                  <Text key={index} weight={600} numeric>
                    {part.text}
                  </Text>
                ) : (
                  part.text
                ),
              )}
            </Text>
          </Box>
        </Row>
      ))}
    </Box>
  );
}

function Model({ root }: { root: ChainRoot | null }) {
  return (
    <Text variant="caption" tone="tertiary">
      {root === null
        ? ''
        : `${t('contract.model', {
            model: root.model,
            rate: percent(root.rate, 2),
            forward: price(root.forward),
            method: root.forward_method,
            pairs: root.forward_pairs,
          })} `}
      {t('contract.fact')}
    </Text>
  );
}

export function ContractBody({ symbol, info, tick, root, quality, stale }: ContractBodyProps) {
  const mid = middle(tick.bid, tick.ask);
  const shown = mid ?? priceOf(tick.last, tick.bid, tick.ask);
  const parts = priceParts(shown === null ? null : Math.floor(shown * 100 + 0.5 + 1e-9) / 100);
  const moved = change(shown, info.previousClose);
  return (
    <Box gap="s4" testID="contract">
      <Row justify="space-between" align="flex-start">
        <Box>
          <Row align="baseline" gap="s1">
            <Text variant="hero" tone={stale ? 'stale' : 'primary'}>
              {parts.whole}
              <Text variant="title2" weight={500} tone={stale ? 'stale' : 'tertiary'} numeric>
                {parts.fraction}
              </Text>
            </Text>
            <Text variant="label" tone="tertiary">
              {t(mid === null ? 'contract.last' : 'contract.mid')}
            </Text>
          </Row>
          <Row>
            <Change
              value={moved}
              text={
                isNumber(moved)
                  ? `${signed(moved, 2)} (${signedPercent(changeFraction(shown, info.previousClose), 1)})`
                  : price(null)
              }
              stale={stale}
            />
          </Row>
        </Box>
        <Spread tick={tick} />
      </Row>
      <Row gap="s3" wrap>
        <LiveFreshness quality={quality} asOf={tick.asOf} />
        {tick.status === 'ok' && tick.asOf !== null ? (
          <Freshness
            kind="modelled"
            text={`${t('contract.modelled')} ${exchangeTime(tick.asOf)} ET`}
          />
        ) : null}
      </Row>
      <Reasons tick={tick} />
      <Row justify="space-between" wrap gap="s3">
        <Figure
          name={t('contract.breakeven')}
          value={price(breakEven(info.right, info.strike, mid))}
        />
        <Figure name={t('contract.last')} value={premium(tick.last)} />
        <Figure name={t('chain.iv')} value={percent(tick.iv)} />
        <Figure name={t('chain.column.volume')} value={compact(tick.volume)} />
        <Figure name={t('chain.column.oi')} value={compact(info.openInterest)} />
      </Row>
      <Moves tick={tick} symbol={symbol} />
      <Model root={root} />
    </Box>
  );
}

const styles = StyleSheet.create({
  track: { height: 6, borderRadius: 3, marginVertical: 5, alignItems: 'center' },
  spread: { height: 6, borderRadius: 3 },
});
