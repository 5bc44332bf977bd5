/** Administration: whether the parts work, and the ways to users and events. */
import { useQuery } from '@tanstack/react-query';

import { Loaded } from '@/api/loaded';
import type { ComponentHealth } from '@/api/types';
import { Card } from '@/design/card';
import { icons } from '@/design/icons';
import { Page, Section } from '@/design/page';
import { LinkRow, SettingRow } from '@/design/setting-row';
import { healthQuery } from '@/features/admin/api';
import { t } from '@/i18n/t';

export interface AdminScreenProps {
  onBack: () => void;
  onUsers: () => void;
  onAudit: () => void;
  onProviders: () => void;
}

function HealthCard({ components }: { components: readonly ComponentHealth[] }) {
  return (
    <Card testID="health">
      {components.map((each, index) => (
        <SettingRow
          key={each.name}
          name={each.name}
          value={each.detail || t(each.ok ? 'admin.health.ok' : 'admin.health.bad')}
          tone={each.ok ? 'primary' : 'warning'}
          last={index === components.length - 1}
        />
      ))}
    </Card>
  );
}

export function AdminScreen({ onBack, onUsers, onAudit, onProviders }: AdminScreenProps) {
  const health = useQuery(healthQuery);
  return (
    <Page
      title={t('admin.title')}
      onBack={onBack}
      onRefresh={() => void health.refetch()}
      testID="admin"
    >
      <Section title={t('admin.places')}>
        <Card>
          <LinkRow
            icon={icons.users}
            title={t('admin.users')}
            text={t('admin.users.row')}
            onPress={onUsers}
            testID="open-users"
          />
          <LinkRow
            icon={icons.link}
            title={t('providers.title')}
            text={t('providers.row')}
            onPress={onProviders}
            testID="open-providers"
          />
          <LinkRow
            last
            icon={icons.audit}
            title={t('admin.audit')}
            text={t('admin.audit.row')}
            onPress={onAudit}
            testID="open-audit"
          />
        </Card>
      </Section>
      <Section title={t('admin.health')}>
        <Loaded query={health} rows={4}>
          {(data) => <HealthCard components={data.components} />}
        </Loaded>
      </Section>
    </Page>
  );
}
