/** How many recovery codes are left, and a new set of them. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { Loaded } from '@/api/loaded';
import type { User } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { FormError } from '@/design/form-error';
import { Notice } from '@/design/notice';
import { Page } from '@/design/page';
import { SettingRow } from '@/design/setting-row';
import { factorsQuery, newRecoveryCodes } from '@/features/security/api';
import { RecoveryCodesView } from '@/features/security/components/recovery-codes';
import { FEW_CODES } from '@/features/security/model';
import { t } from '@/i18n/t';

export interface RecoveryCodesScreenProps {
  user: User;
  onBack: () => void;
}

export function RecoveryCodesScreen({ user, onBack }: RecoveryCodesScreenProps) {
  const factors = useQuery(factorsQuery);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const make = useAction<void>(async () => setCodes(await newRecoveryCodes()));
  return (
    <Page title={t('codes.title')} lead={codes ? undefined : t('codes.lead')} onBack={onBack}>
      {codes !== null ? (
        <RecoveryCodesView codes={codes} email={user.email} onDone={onBack} />
      ) : (
        <Loaded query={factors} rows={1}>
          {({ recovery_codes_left: left }) => (
            <Box gap="s4">
              <Card>
                <SettingRow
                  last
                  name={t('codes.state')}
                  value={String(left)}
                  tone={left > FEW_CODES ? 'primary' : 'warning'}
                  testID="codes-left"
                />
              </Card>
              <Notice kind="info" text={t('codes.new.text')} />
              <FormError text={make.words.form} />
              <Button
                title={t('codes.new')}
                onPress={() => void make.run()}
                busy={make.busy}
                testID="new-codes"
              />
            </Box>
          )}
        </Loaded>
      )}
    </Page>
  );
}
