/** One account: its state, its devices, and what an administrator may do with it. */
import { useQuery } from '@tanstack/react-query';

import { Loaded } from '@/api/loaded';
import type { AdminUser, AdminUserUpdate, DeviceSession } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { FormError } from '@/design/form-error';
import { Notice } from '@/design/notice';
import { Page, Section } from '@/design/page';
import { Segmented } from '@/design/segmented';
import { SettingRow } from '@/design/setting-row';
import { Text } from '@/design/text';
import { changeUser, endUserSessions, userQuery, userSessionsQuery } from '@/features/admin/api';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import { agentWords } from '@/lib/user-agent';

export interface UserScreenProps {
  id: string;
  /** One's own account cannot be shut from here. */
  own: boolean;
  onBack: () => void;
}

const ROLES = [
  { value: 'user', label: t('admin.user.role.user') },
  { value: 'admin', label: t('admin.user.role.admin') },
] as const;

function Facts({ user }: { user: AdminUser }) {
  const seen = user.last_seen_at;
  return (
    <Card>
      <SettingRow name={t('auth.email')} value={user.email} />
      <SettingRow name={t('auth.name')} value={user.display_name || '—'} />
      <SettingRow name={t('admin.user.created')} value={shortDate(user.created_at)} />
      <SettingRow
        name={t('admin.user.seen')}
        value={seen === null ? t('admin.user.never') : shortDate(seen)}
      />
      <SettingRow
        last
        name={t('admin.user.factor')}
        value={t(user.second_factor ? 'state.on' : 'state.off')}
        tone={user.second_factor ? 'primary' : 'warning'}
      />
    </Card>
  );
}

function Powers({ user }: { user: AdminUser }) {
  const change = useAction<AdminUserUpdate>((update) => changeUser(user.id, update));
  const disabled = user.disabled_at !== null;
  return (
    <Box gap="s4">
      <Segmented
        label={t('admin.user.role')}
        options={ROLES}
        value={user.role}
        onChange={(role) => void change.run({ role })}
      />
      {disabled ? (
        <Notice
          kind="warning"
          text={t('admin.user.disabled.since', { date: shortDate(user.disabled_at ?? '') })}
        />
      ) : (
        <Text variant="label" weight={400} tone="tertiary">
          {t('admin.user.disable.text')}
        </Text>
      )}
      <Button
        kind="outlined"
        tone={disabled ? undefined : 'danger'}
        title={t(disabled ? 'admin.user.enable' : 'admin.user.disable')}
        onPress={() => void change.run({ disabled: !disabled })}
        busy={change.busy}
        testID="toggle-disabled"
      />
      <FormError text={change.words.form} />
    </Box>
  );
}

function deviceWords(session: DeviceSession): string {
  return (
    session.device_name ||
    agentWords(session.user_agent ?? '') ||
    t(session.client === 'web' ? 'sessions.web' : 'sessions.native')
  );
}

function Devices({ id, sessions }: { id: string; sessions: readonly DeviceSession[] }) {
  const end = useAction<void>(() => endUserSessions(id));
  if (sessions.length === 0) return <Text tone="secondary">{t('admin.user.sessions.none')}</Text>;
  return (
    <Box gap="s3">
      <Card>
        {sessions.map((each, index) => (
          <SettingRow
            key={each.id}
            name={deviceWords(each)}
            value={[each.address, shortDate(each.last_seen_at)].filter(Boolean).join(' · ')}
            last={index === sessions.length - 1}
          />
        ))}
      </Card>
      <Button
        kind="outlined"
        tone="danger"
        title={t('admin.user.sessions.end')}
        onPress={() => void end.run()}
        busy={end.busy}
        testID="end-user-sessions"
      />
      <FormError text={end.words.form} />
    </Box>
  );
}

export function UserScreen({ id, own, onBack }: UserScreenProps) {
  const user = useQuery(userQuery(id));
  const sessions = useQuery(userSessionsQuery(id));
  return (
    <Page title={user.data?.email ?? t('admin.users')} onBack={onBack} testID="admin-user">
      <Loaded query={user} rows={4}>
        {(data) => (
          <>
            <Facts user={data} />
            {own ? <Notice kind="info" text={t('admin.user.self')} /> : <Powers user={data} />}
          </>
        )}
      </Loaded>
      <Section title={t('admin.user.sessions')}>
        <Loaded query={sessions} rows={1}>
          {(data) => <Devices id={id} sessions={data.sessions} />}
        </Loaded>
      </Section>
    </Page>
  );
}
