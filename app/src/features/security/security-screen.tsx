/** Security: how the way in is guarded, which devices are in, and what is kept about a person. */
import { useQuery } from '@tanstack/react-query';

import { Loaded } from '@/api/loaded';
import type { Factors, User } from '@/api/types';
import { Card } from '@/design/card';
import { icons } from '@/design/icons';
import { Notice } from '@/design/notice';
import { Page, Section } from '@/design/page';
import { LinkRow } from '@/design/setting-row';
import { factorsQuery, issuersQuery, sessionsQuery } from '@/features/security/api';
import { LockSetting } from '@/features/security/components/lock-setting';
import { guardOf } from '@/features/security/model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';

export type SecurityPlace =
  | 'authenticator'
  | 'recovery-codes'
  | 'passkeys'
  | 'sessions'
  | 'password'
  | 'email'
  | 'issuers'
  | 'export'
  | 'delete-account';

export interface SecurityScreenProps {
  user: User;
  onBack: () => void;
  onOpen: (place: SecurityPlace) => void;
}

type RowsProps = Pick<SecurityScreenProps, 'onOpen'> & { factors: Factors };

function GuardNotice({ factors }: { factors: Factors }) {
  const guard = guardOf(factors);
  return (
    <Notice
      kind={guard === 'good' ? 'done' : 'warning'}
      icon={guard === 'good' ? icons.shield : icons.shieldOff}
      title={t(`security.guard.${guard}.title`)}
      text={t(`security.guard.${guard}.text`, { count: factors.recovery_codes_left })}
      testID={`guard-${guard}`}
    />
  );
}

function FactorRows({ factors, onOpen }: RowsProps) {
  const since = factors.totp_since === null ? '' : shortDate(factors.totp_since);
  const guarded = factors.totp || factors.passkeys > 0;
  return (
    <Card>
      <LinkRow
        icon={icons.phone}
        title={t('totp.title')}
        text={factors.totp ? t('totp.since', { date: since }) : t('totp.row')}
        value={t(factors.totp ? 'state.on' : 'state.off')}
        valueTone={factors.totp ? 'accent' : 'tertiary'}
        onPress={() => onOpen('authenticator')}
        testID="open-authenticator"
      />
      <LinkRow
        icon={icons.fingerprint}
        title={t('passkeys.title')}
        text={t('passkeys.row')}
        value={String(factors.passkeys)}
        last={!guarded}
        onPress={() => onOpen('passkeys')}
        testID="open-passkeys"
      />
      {guarded ? (
        <LinkRow
          last
          icon={icons.ticket}
          title={t('codes.title')}
          text={t('codes.row')}
          value={t('codes.left', { count: factors.recovery_codes_left })}
          valueTone={factors.recovery_codes_left > 0 ? 'secondary' : 'warning'}
          onPress={() => onOpen('recovery-codes')}
          testID="open-recovery-codes"
        />
      ) : null}
    </Card>
  );
}

function AccountRows({ user, onOpen }: Pick<SecurityScreenProps, 'user' | 'onOpen'>) {
  const issuers = useQuery(issuersQuery).data?.issuers ?? [];
  return (
    <Card>
      <LinkRow
        icon={icons.at}
        title={t('auth.email')}
        text={user.email}
        onPress={() => onOpen('email')}
        testID="open-email"
      />
      <LinkRow
        icon={icons.password}
        title={t('auth.password')}
        text={t(user.has_password ? 'password.row' : 'password.row.none')}
        last={issuers.length === 0}
        onPress={() => onOpen('password')}
        testID="open-password"
      />
      {issuers.length > 0 ? (
        <LinkRow
          last
          icon={icons.link}
          title={t('issuers.title')}
          text={issuers.map((each) => each.name).join(', ')}
          onPress={() => onOpen('issuers')}
          testID="open-issuers"
        />
      ) : null}
    </Card>
  );
}

export function SecurityScreen({ user, onBack, onOpen }: SecurityScreenProps) {
  const factors = useQuery(factorsQuery);
  const sessions = useQuery(sessionsQuery);
  const refresh = () => void Promise.all([factors.refetch(), sessions.refetch()]);
  const count = sessions.data?.sessions.length;
  return (
    <Page title={t('security.title')} onBack={onBack} onRefresh={refresh} testID="security">
      <Loaded query={factors}>
        {(data) => (
          <>
            <GuardNotice factors={data} />
            <Section title={t('security.factors')}>
              <FactorRows factors={data} onOpen={onOpen} />
            </Section>
          </>
        )}
      </Loaded>
      <Section title={t('security.signin')}>
        <AccountRows user={user} onOpen={onOpen} />
      </Section>
      <Section title={t('security.devices')}>
        <Card>
          <LinkRow
            last
            icon={icons.monitor}
            title={t('sessions.title')}
            text={t('sessions.row')}
            value={count === undefined ? '' : String(count)}
            onPress={() => onOpen('sessions')}
            testID="open-sessions"
          />
        </Card>
        <LockSetting />
      </Section>
      <Section title={t('security.data')}>
        <Card>
          <LinkRow
            icon={icons.download}
            title={t('export.title')}
            text={t('export.row')}
            onPress={() => onOpen('export')}
            testID="open-export"
          />
          <LinkRow
            last
            icon={icons.remove}
            tone="danger"
            title={t('delete.title')}
            text={t('delete.row')}
            onPress={() => onOpen('delete-account')}
            testID="open-delete"
          />
        </Card>
      </Section>
    </Page>
  );
}
