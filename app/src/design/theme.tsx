/** The colours in force. The person's choice is kept on the device; `system` follows the device. */
import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react';
import {
  StyleSheet,
  useColorScheme,
  type ImageStyle,
  type TextStyle,
  type ViewStyle,
} from 'react-native';

import { applyDocumentTheme } from '@/design/document';
import { colors } from '@/design/tokens';
import { loadJson, saveJson } from '@/lib/storage';

type Widen<T> = T extends string
  ? string
  : T extends readonly unknown[]
    ? readonly string[]
    : { readonly [K in keyof T]: Widen<T[K]> };
export type Palette = Widen<(typeof colors)['dark']>;
export type Scheme = 'dark' | 'light';
export type SchemeChoice = Scheme | 'system';

export interface Theme {
  scheme: Scheme;
  c: Palette;
}

const themes: Record<Scheme, Theme> = {
  dark: { scheme: 'dark', c: colors.dark },
  light: { scheme: 'light', c: colors.light },
};

const KEY = 'optix.theme';
const ThemeContext = createContext<Theme>(themes.dark);
const ChoiceContext = createContext<readonly [SchemeChoice, (choice: SchemeChoice) => void]>([
  'system',
  () => undefined,
]);

function isChoice(value: unknown): value is SchemeChoice {
  return value === 'dark' || value === 'light' || value === 'system';
}

export function ThemeProvider({ children }: { children: ReactNode }) {
  const system = useColorScheme();
  const [choice, setChoice] = useState<SchemeChoice>('system');
  useEffect(() => {
    void loadJson(KEY).then((stored) => {
      if (isChoice(stored)) setChoice(stored);
    });
  }, []);
  const scheme: Scheme = choice === 'system' ? (system === 'light' ? 'light' : 'dark') : choice;
  const theme = themes[scheme];
  useEffect(() => {
    applyDocumentTheme(scheme, theme.c.surface.base, theme.c.line.focus);
  }, [scheme, theme]);
  const chosen = useMemo(
    () =>
      [
        choice,
        (next: SchemeChoice) => {
          setChoice(next);
          void saveJson(KEY, next);
        },
      ] as const,
    [choice],
  );
  return (
    <ChoiceContext value={chosen}>
      <ThemeContext value={theme}>{children}</ThemeContext>
    </ChoiceContext>
  );
}

export function useTheme(): Theme {
  return use(ThemeContext);
}

export function useSchemeChoice(): readonly [SchemeChoice, (choice: SchemeChoice) => void] {
  return use(ChoiceContext);
}

type NamedStyles<T> = { [K in keyof T]: ViewStyle | TextStyle | ImageStyle };

/** Styles that depend on the theme, made once for dark and once for light. */
export function makeStyles<T extends NamedStyles<T>>(make: (theme: Theme) => T): () => T {
  const made: Partial<Record<Scheme, T>> = {};
  return function useStyles(): T {
    const theme = useTheme();
    return (made[theme.scheme] ??= StyleSheet.create(make(theme)));
  };
}
