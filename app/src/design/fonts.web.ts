/** Inter on the web: one variable file per script, fetched by the browser when a letter needs it. */
import greek from '@fontsource-variable/inter/files/inter-greek-wght-normal.woff2';
import latinExtended from '@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2';
import latin from '@fontsource-variable/inter/files/inter-latin-wght-normal.woff2';
import { Asset } from 'expo-asset';

import type { FontFace, FontWeight } from '@/design/font-face';

const FAMILY =
  "'Inter Variable', -apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, sans-serif";

const FILES: readonly (readonly [number, string])[] = [
  [
    latin,
    'U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+2000-206F,U+20AC,U+2122,U+2191,U+2193,U+2212,U+2215',
  ],
  [latinExtended, 'U+0100-02BA,U+02BD-02C5,U+1E00-1E9F,U+20A0-20AB,U+20AD-20C0'],
  [greek, 'U+0370-03FF'],
];

function installFaces(): void {
  if (typeof document === 'undefined') return;
  const faces = FILES.map(
    ([file, range]) =>
      `@font-face{font-family:'Inter Variable';font-style:normal;font-display:swap;` +
      `font-weight:100 900;src:url(${Asset.fromModule(file).uri}) format('woff2');` +
      `unicode-range:${range}}`,
  );
  const style = document.createElement('style');
  style.textContent = faces.join('\n');
  document.head.append(style);
}

installFaces();

export function fontFace(weight: FontWeight): FontFace {
  return { fontFamily: FAMILY, fontWeight: weight };
}

export const svgFontFamily = FAMILY;

/** The system font stands in until Inter is there, so the web never waits. */
export function useAppFonts(): boolean {
  return true;
}
