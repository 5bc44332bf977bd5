/** The Greeks of everything in whole dollars, each with the shock it stands for. */
import { StyleSheet } from 'react-native';

import { Box, Row } from '@/design/box';
import { Card } from '@/design/card';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border } from '@/design/tokens';
import type { TotalGreeks } from '@/features/portfolio/api';
import { coverageWords, dollars } from '@/features/portfolio/model';
import { t } from '@/i18n/t';

interface Figure {
  name: string;
  value: number;
  unit: string;
}

function figures(greeks: TotalGreeks): Figure[] {
  const { dollar_delta: delta, gamma_percent: gamma, theta, vega } = greeks;
  return [
    {
      name: t('portfolio.delta'),
      value: delta / 100,
      unit: t('portfolio.delta.unit'),
    },
    { name: t('portfolio.gamma'), value: gamma, unit: t('portfolio.gamma.unit') },
    { name: t('portfolio.theta'), value: theta, unit: t('portfolio.theta.unit') },
    { name: t('portfolio.vega'), value: vega, unit: t('portfolio.vega.unit') },
  ];
}

export function GreeksStrip({ greeks }: { greeks: TotalGreeks }) {
  const { c } = useTheme();
  const coverage = coverageWords(greeks);
  if (greeks.total === 0) return null;
  return (
    <Box gap="s1">
      <Card role="group" label={t('portfolio.greeks')} testID="greeks-strip">
        <Row padY="s3" align="stretch">
          {figures(greeks).map(({ name, value, unit }, index) => (
            <Box
              key={name}
              flex={1}
              padX="s2"
              style={index > 0 && [styles.next, { borderLeftColor: c.line.subtle }]}
            >
              <Text variant="caption" tone="secondary" lines={1}>
                {name}
              </Text>
              <Text variant="title3" numeric lines={1} testID={`greek-${index}`}>
                {dollars(value)}
              </Text>
              <Text variant="micro" tone="tertiary">
                {unit}
              </Text>
            </Box>
          ))}
        </Row>
      </Card>
      {coverage === null ? null : (
        <Text variant="caption" tone="warning" testID="greeks-coverage">
          {coverage}
        </Text>
      )}
    </Box>
  );
}

const styles = StyleSheet.create({ next: { borderLeftWidth: border.thin } });
