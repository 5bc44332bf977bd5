/** A block where a value is not known yet: the height of the loaded text, never a fake number. */
import { useEffect, useState } from 'react';
import { Animated, Easing } from 'react-native';

import { useTheme } from '@/design/theme';
import { motion, radius } from '@/design/tokens';
import { useReducedMotion } from '@/design/use-reduced-motion';

export interface SkeletonProps {
  width: number | `${number}%`;
  height?: number;
}

export function Skeleton({ width, height = 14 }: SkeletonProps) {
  const { c } = useTheme();
  const reduced = useReducedMotion();
  const [opacity] = useState(() => new Animated.Value(1));
  useEffect(() => {
    if (reduced) return;
    const half = {
      duration: motion.skeleton / 2,
      easing: Easing.inOut(Easing.ease),
      useNativeDriver: false,
    };
    const loop = Animated.loop(
      Animated.sequence([
        Animated.timing(opacity, { toValue: 0.5, ...half }),
        Animated.timing(opacity, { toValue: 1, ...half }),
      ]),
    );
    loop.start();
    return () => loop.stop();
  }, [opacity, reduced]);
  return (
    <Animated.View
      aria-hidden
      style={{ width, height, borderRadius: radius.sm, backgroundColor: c.surface.s2, opacity }}
    />
  );
}
