/** The providers behind the market feed: which is in use for what, how each does, what changed. */
import { useQuery } from '@tanstack/react-query';

import { Loaded } from '@/api/loaded';
import type { MarketProvider, ProviderSwitch } from '@/api/types';
import { Box, Row } from '@/design/box';
import { Card } from '@/design/card';
import { EmptyState } from '@/design/message';
import { Page, Section } from '@/design/page';
import { SettingRow } from '@/design/setting-row';
import { Text } from '@/design/text';
import { providersQuery } from '@/features/admin/api';
import { eventTime } from '@/features/admin/model';
import {
  counts,
  kindWords,
  loadText,
  providerStateKey,
  ratioText,
  secondsText,
} from '@/features/admin/providers-model';
import { t } from '@/i18n/t';

function Head({ provider }: { provider: MarketProvider }) {
  const well = provider.state === 'live' || provider.state === 'idle';
  return (
    <Box padX="s4" padY="s3" gap="s1" rule="bottom">
      <Row justify="space-between" gap="s3">
        <Box flex={1}>
          <Text variant="title3">{provider.label}</Text>
        </Box>
        <Text variant="label" tone={well ? 'accent' : 'warning'} testID={`state-${provider.name}`}>
          {t(providerStateKey(provider.state))}
        </Text>
      </Row>
      <Text variant="label" tone="secondary">
        {provider.serves.length > 0
          ? t('providers.serves', { kinds: kindWords(provider.serves) })
          : t('providers.serves.none')}
      </Text>
      {provider.reason ? (
        <Text variant="label" tone="warning">
          {provider.reason}
        </Text>
      ) : null}
    </Box>
  );
}

function ProviderCard({ provider }: { provider: MarketProvider }) {
  const errors = counts(provider.errors);
  return (
    <Card testID={`provider-${provider.name}`}>
      <Head provider={provider} />
      <SettingRow name={t('providers.freshness')} value={secondsText(provider.freshness_seconds)} />
      <SettingRow name={t('providers.lag')} value={secondsText(provider.lag_seconds)} />
      <SettingRow
        name={t('providers.errors')}
        value={ratioText(provider.error_rate)}
        tone={(provider.error_rate ?? 0) > 0.05 ? 'warning' : 'primary'}
      />
      <SettingRow
        name={t('providers.subscribed')}
        value={loadText(provider.subscribed, provider.symbols_max)}
      />
      <SettingRow name={t('providers.requests')} value={loadText(provider.requests_left, null)} />
      <SettingRow
        name={t('providers.reconnects')}
        value={loadText(provider.reconnects, null)}
        last={errors.length === 0}
      />
      {errors.map(({ reason, count }, index) => (
        <SettingRow
          key={reason}
          name={reason}
          value={String(count)}
          last={index === errors.length - 1}
        />
      ))}
    </Card>
  );
}

function SwitchRow({ change, last }: { change: ProviderSwitch; last: boolean }) {
  return (
    <Box padX="s4" padY="s3" gap="s0" rule={last ? undefined : 'bottom'}>
      <Row justify="space-between" gap="s2">
        <Text weight={600}>{kindWords([change.kind])}</Text>
        <Text variant="label" tone="secondary" numeric>
          {eventTime(change.at)}
        </Text>
      </Row>
      <Text variant="label" weight={400} tone="secondary">
        {t('providers.switched', {
          source: change.source ?? t('providers.nobody'),
          target: change.target,
        })}
      </Text>
      <Text variant="caption" weight={400} tone="tertiary">
        {change.reason}
      </Text>
    </Box>
  );
}

function Rejects({ rejects }: { rejects: Readonly<Record<string, number>> }) {
  const rows = counts(rejects);
  if (rows.length === 0) return <Text tone="secondary">{t('providers.rejects.none')}</Text>;
  return (
    <Card testID="rejects">
      {rows.map(({ reason, count }, index) => (
        <SettingRow
          key={reason}
          name={reason}
          value={String(count)}
          last={index === rows.length - 1}
        />
      ))}
    </Card>
  );
}

export function ProvidersScreen({ onBack }: { onBack: () => void }) {
  const providers = useQuery(providersQuery);
  return (
    <Page
      title={t('providers.title')}
      lead={t('providers.lead')}
      onBack={onBack}
      onRefresh={() => void providers.refetch()}
      testID="admin-providers"
    >
      <Loaded query={providers} rows={6}>
        {(data) => (
          <>
            {data.providers.length === 0 ? (
              <EmptyState title={t('providers.none')} text={data.feed.reason} />
            ) : (
              data.providers.map((each) => <ProviderCard key={each.name} provider={each} />)
            )}
            <Section title={t('providers.switches')}>
              {data.switches.length === 0 ? (
                <Text tone="secondary">{t('providers.switches.none')}</Text>
              ) : (
                <Card testID="switches">
                  {data.switches.map((change, index) => (
                    <SwitchRow
                      key={`${change.at}-${change.kind}`}
                      change={change}
                      last={index === data.switches.length - 1}
                    />
                  ))}
                </Card>
              )}
            </Section>
            <Section title={t('providers.rejects')}>
              <Rejects rejects={data.rejects} />
            </Section>
          </>
        )}
      </Loaded>
    </Page>
  );
}
