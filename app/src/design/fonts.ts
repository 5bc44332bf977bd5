/** Inter on phones: four static weights, loaded before the first screen. */
import { Inter_400Regular } from '@expo-google-fonts/inter/400Regular';
import { Inter_500Medium } from '@expo-google-fonts/inter/500Medium';
import { Inter_600SemiBold } from '@expo-google-fonts/inter/600SemiBold';
import { Inter_700Bold } from '@expo-google-fonts/inter/700Bold';
import { useFonts } from 'expo-font';

import type { FontFace, FontWeight } from '@/design/font-face';

const FAMILY: Record<FontWeight, string> = {
  400: 'Inter_400Regular',
  500: 'Inter_500Medium',
  600: 'Inter_600SemiBold',
  700: 'Inter_700Bold',
};

export function fontFace(weight: FontWeight): FontFace {
  return { fontFamily: FAMILY[weight] };
}

export const svgFontFamily = 'Inter_500Medium';

/** True when text can be drawn; a font that does not load must not keep the app shut. */
export function useAppFonts(): boolean {
  const [loaded, error] = useFonts({
    Inter_400Regular,
    Inter_500Medium,
    Inter_600SemiBold,
    Inter_700Bold,
  });
  return loaded || error !== null;
}
