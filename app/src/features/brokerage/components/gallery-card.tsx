/** One brokerage of the gallery: what it reads, how far it is proven, how often one signs in. */
import { StyleSheet } from 'react-native';

import type { Brokerage } from '@/api/types';
import { Box, Row } from '@/design/box';
import { Card } from '@/design/card';
import { Chip } from '@/design/chip';
import { Icon } from '@/design/icon';
import { icons } from '@/design/icons';
import { Text } from '@/design/text';
import { space } from '@/design/tokens';
import { Touchable } from '@/design/touchable';
import { Monogram } from '@/features/brokerage/components/monogram';
import { historyWords, loginWords, readKeys, tierKey } from '@/features/brokerage/gallery-model';
import { t } from '@/i18n/t';
import { useWide } from '@/lib/use-wide';

export interface GalleryCardProps {
  brokerage: Brokerage;
  onPress: () => void;
}

function Chips({ brokerage }: { brokerage: Brokerage }) {
  const tier = tierKey(brokerage.tier);
  const history = historyWords(brokerage);
  const reads = readKeys(brokerage.reads).filter((key) => key !== 'gallery.reads.activities');
  return (
    <Row wrap gap="s1">
      {brokerage.simulated ? <Chip tone="simulated" text={t('fresh.simulated')} /> : null}
      {tier === null ? null : (
        <Chip icon={icons.shield} text={t('gallery.tier', { tier: t(tier) })} />
      )}
      {reads.map((key) => (
        <Chip key={key} text={t(key)} />
      ))}
      {history === null ? null : <Chip text={t(history.key, history.values)} />}
    </Row>
  );
}

export function GalleryCard({ brokerage, onPress }: GalleryCardProps) {
  const { connections, label, login_seconds: seconds } = brokerage;
  const wide = useWide();
  const login = loginWords(seconds);
  const about = [
    brokerage.asks_brokerages ? t('gallery.aggregator') : null,
    t(login.key, login.values),
  ];
  return (
    <Card testID={`brokerage-${brokerage.name}`} style={[styles.card, wide && styles.half]}>
      <Touchable onPress={onPress} style={styles.inside}>
        <Row gap="s3">
          <Monogram label={label} />
          <Box flex={1}>
            <Text weight={600} lines={1}>
              {label}
            </Text>
            <Text variant="label" weight={400} tone="secondary">
              {about.filter(Boolean).join(' · ')}
            </Text>
          </Box>
          {connections > 0 ? (
            <Text variant="label" tone="accent" numeric>
              {connections === 1
                ? t('gallery.connected.one')
                : t('gallery.connected.many', { count: connections })}
            </Text>
          ) : null}
          <Icon of={icons.forward} size="sm" tone="tertiary" />
        </Row>
        <Chips brokerage={brokerage} />
      </Touchable>
    </Card>
  );
}

const styles = StyleSheet.create({
  card: { flexGrow: 1, flexBasis: 340 },
  half: { maxWidth: '49.4%' },
  inside: { padding: space.s4, gap: space.s3 },
});
