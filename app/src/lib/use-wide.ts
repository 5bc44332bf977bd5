/** Whether the window is wide enough for panes side by side. */
import { useWindowDimensions } from 'react-native';

const DESKTOP = 1120;

export function useWide(): boolean {
  return useWindowDimensions().width >= DESKTOP;
}
