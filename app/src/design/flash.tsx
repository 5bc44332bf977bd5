/** The background flash of a tick on phones: fades without a render. */
import { useEffect, useState } from 'react';
import { Animated, Easing, StyleSheet } from 'react-native';

import { motion, radius } from '@/design/tokens';

export function Flash({ color }: { color: string }) {
  const [opacity] = useState(() => new Animated.Value(1));
  useEffect(() => {
    const fade = Animated.timing(opacity, {
      toValue: 0,
      duration: motion.flash,
      easing: Easing.out(Easing.quad),
      useNativeDriver: true,
    });
    fade.start();
    return () => fade.stop();
  }, [opacity]);
  return (
    <Animated.View
      pointerEvents="none"
      style={[
        StyleSheet.absoluteFill,
        { backgroundColor: color, opacity, borderRadius: radius.xs },
      ]}
    />
  );
}
