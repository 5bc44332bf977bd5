/** The sections of the app: only those whose screens exist. */
import { icons } from '@/design/icons';
import { t } from '@/i18n/t';

export const sections = [
  { name: 'portfolio', href: '/portfolio', title: t('tab.portfolio'), icon: icons.portfolio },
  { name: 'markets', href: '/markets', title: t('tab.markets'), icon: icons.markets },
  { name: 'you', href: '/you', title: t('tab.you'), icon: icons.you },
] as const;
