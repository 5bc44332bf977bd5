/** A surface that reads a finger held on it (phones). The web twin also reads pointer and keys. */
import { View, type StyleProp, type ViewStyle } from 'react-native';

export interface TouchSurfaceProps {
  label: string;
  onMove: (x: number) => void;
  onEnd: () => void;
  onStep: (step: -1 | 1) => void;
  style?: StyleProp<ViewStyle>;
}

export function TouchSurface({ label, onMove, onEnd, onStep, style }: TouchSurfaceProps) {
  return (
    <View
      accessible
      accessibilityRole="adjustable"
      accessibilityLabel={label}
      accessibilityActions={[{ name: 'increment' }, { name: 'decrement' }]}
      onAccessibilityAction={(event) =>
        onStep(event.nativeEvent.actionName === 'increment' ? 1 : -1)
      }
      onStartShouldSetResponder={() => true}
      onResponderGrant={(event) => onMove(event.nativeEvent.locationX)}
      onResponderMove={(event) => onMove(event.nativeEvent.locationX)}
      onResponderRelease={onEnd}
      onResponderTerminate={onEnd}
      style={style}
    />
  );
}
