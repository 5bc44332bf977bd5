/** The banners of feed and connection, above every screen. */
import { Banner } from '@/design/banner';
import { Box } from '@/design/box';
import { icons } from '@/design/icons';
import { t } from '@/i18n/t';
import { useNow } from '@/lib/now';
import { reloadApp } from '@/lib/reload';
import { useOnline } from '@/lib/use-online';
import { bannersOf } from '@/shell/banners-model';
import { useFeed } from '@/stream/hooks';

export function FeedBanners() {
  const banners = bannersOf(useFeed(), useNow(), useOnline());
  return (
    <Box>
      {banners.map(({ reload = false, ...banner }) => (
        <Banner
          key={banner.kind}
          {...banner}
          action={
            reload && reloadApp !== null
              ? { label: t('banner.outdated.action'), onPress: reloadApp }
              : undefined
          }
          icon={
            banner.kind === 'offline'
              ? icons.wifiOff
              : banner.kind === 'stale'
                ? icons.warning
                : undefined
          }
        />
      ))}
    </Box>
  );
}
