/** Face or finger before the app opens: offered where the device has them. */
import { useEffect, useState } from 'react';

import { lockStore, wantLock } from '@/api/lock-store';
import { Card } from '@/design/card';
import { SwitchRow } from '@/design/setting-row';
import { t } from '@/i18n/t';
import { biometricsOffered, confirmOwner } from '@/lib/biometrics';
import { useStore } from '@/lib/external-store';

export function LockSetting() {
  const { wanted } = useStore(lockStore);
  const [offered, setOffered] = useState(false);
  useEffect(() => {
    void biometricsOffered().then(setOffered, () => undefined);
  }, []);
  if (!offered) return null;
  // Who turns it on or off shows first that the device is theirs.
  const change = async (on: boolean) => {
    if (await confirmOwner(t('lock.reason'), t('action.cancel'))) await wantLock(on);
  };
  return (
    <Card>
      <SwitchRow
        last
        title={t('lock.title')}
        text={t('lock.row')}
        on={wanted === true}
        onChange={(on) => void change(on)}
        testID="lock-setting"
      />
    </Card>
  );
}
