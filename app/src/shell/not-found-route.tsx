/** An address with nothing behind it. */
import { useRouter } from 'expo-router';

import { EmptyState } from '@/design/message';
import { Screen } from '@/design/screen';
import { t } from '@/i18n/t';

export function NotFoundRoute() {
  const router = useRouter();
  return (
    <Screen label={t('notfound.title')}>
      <EmptyState
        title={t('notfound.title')}
        text={t('notfound.text')}
        action={{ title: t('notfound.action'), onPress: () => router.replace('/') }}
      />
    </Screen>
  );
}
