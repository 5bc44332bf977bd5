/** Tabs on a phone; a wide window has the rail of the desktop frame instead. */
import { Tabs } from 'expo-router/js-tabs';

import { useTheme } from '@/design/theme';
import { useWide } from '@/lib/use-wide';
import { sections } from '@/shell/sections';
import { TabBar } from '@/shell/tab-bar';

export function TabsLayout() {
  const { c } = useTheme();
  const wide = useWide();
  return (
    <Tabs
      tabBar={() => (wide ? null : <TabBar />)}
      screenOptions={{ headerShown: false, sceneStyle: { backgroundColor: c.surface.base } }}
    >
      {sections.map(({ name, title }) => (
        <Tabs.Screen key={name} name={name} options={{ title }} />
      ))}
    </Tabs>
  );
}
