/** The tab bar of a phone. */
import { usePathname, useRouter } from 'expo-router';
import { StyleSheet } from 'react-native';
import { useSafeAreaInsets } from 'react-native-safe-area-context';

import { Row } from '@/design/box';
import { Icon } from '@/design/icon';
import { Text } from '@/design/text';
import { useTheme } from '@/design/theme';
import { border, layout } from '@/design/tokens';
import { Touchable } from '@/design/touchable';
import { t } from '@/i18n/t';
import { sections } from '@/shell/sections';

export function TabBar() {
  const { c } = useTheme();
  const insets = useSafeAreaInsets();
  const router = useRouter();
  const path = usePathname();
  return (
    <Row
      role="navigation"
      label={t('nav.label')}
      surface="s1"
      style={[styles.bar, { borderTopColor: c.line.subtle, paddingBottom: insets.bottom }]}
    >
      {sections.map(({ name, href, title, icon }) => {
        const on = path === href;
        return (
          <Touchable
            key={name}
            role="link"
            current={on}
            quiet
            testID={`tab-${name}`}
            onPress={() => router.navigate(href)}
            style={styles.tab}
          >
            <Icon of={icon} size="lg" tone={on ? 'accent' : 'secondary'} />
            <Text variant="micro" tone={on ? 'accent' : 'secondary'}>
              {title}
            </Text>
          </Touchable>
        );
      })}
    </Row>
  );
}

const styles = StyleSheet.create({
  bar: { borderTopWidth: border.thin },
  tab: {
    flex: 1,
    height: layout.phone.tabBar + 6,
    alignItems: 'center',
    justifyContent: 'center',
    gap: 2,
  },
});
