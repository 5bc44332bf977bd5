/** The colours in force. The person's look is kept on the device; `system` follows the device. */
import {
  createContext,
  use,
  useCallback,
  useEffect,
  useMemo,
  useState,
  type ReactNode,
} from 'react';
import {
  StyleSheet,
  useColorScheme,
  type ImageStyle,
  type TextStyle,
  type ViewStyle,
} from 'react-native';

import { isPair, paletteOf, type Palette, type Pair } from '@/design/direction-colours';
import { applyDocumentTheme } from '@/design/document';
import { loadJson, saveJson } from '@/lib/storage';

export type { Palette };
export type Scheme = 'dark' | 'light';
export type SchemeChoice = Scheme | 'system';

export interface Theme {
  /** One of a few: what made styles are kept by. */
  key: string;
  scheme: Scheme;
  c: Palette;
}

export interface Look {
  theme: SchemeChoice;
  pair: Pair;
}

export interface LookChoice extends Look {
  choose: (change: Partial<Look>) => void;
}

const made = new Map<string, Theme>();

function themeOf(scheme: Scheme, pair: Pair): Theme {
  const key = `${scheme} ${pair}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const theme = { key, scheme, c: paletteOf(scheme, pair) };
  made.set(key, theme);
  return theme;
}

const KEY = 'optix.theme';
const USUAL: Look = { theme: 'system', pair: 'teal_orange' };
const ThemeContext = createContext<Theme>(themeOf('dark', USUAL.pair));
const LookContext = createContext<LookChoice>({ ...USUAL, choose: () => undefined });

function isChoice(value: unknown): value is SchemeChoice {
  return value === 'dark' || value === 'light' || value === 'system';
}

function lookOf(stored: unknown): Partial<Look> {
  if (typeof stored !== 'object' || stored === null) return {};
  const { theme, pair } = stored as Record<string, unknown>;
  return { ...(isChoice(theme) && { theme }), ...(isPair(pair) && { pair }) };
}

export function ThemeProvider({ children }: { children: ReactNode }) {
  const system = useColorScheme();
  const [look, setLook] = useState<Look>(USUAL);
  useEffect(() => {
    void loadJson(KEY).then((stored) => {
      if (stored !== null) setLook((now) => ({ ...now, ...lookOf(stored) }));
    });
  }, []);
  const scheme: Scheme =
    look.theme === 'system' ? (system === 'light' ? 'light' : 'dark') : look.theme;
  const theme = themeOf(scheme, look.pair);
  useEffect(() => {
    applyDocumentTheme(scheme, theme.c.surface.base, theme.c.line.focus);
  }, [scheme, theme]);
  const choose = useCallback((change: Partial<Look>) => {
    setLook((now) => {
      const next = { ...now, ...change };
      void saveJson(KEY, next);
      return next;
    });
  }, []);
  const chosen = useMemo(() => ({ ...look, choose }), [look, choose]);
  return (
    <LookContext value={chosen}>
      <ThemeContext value={theme}>{children}</ThemeContext>
    </LookContext>
  );
}

export function useTheme(): Theme {
  return use(ThemeContext);
}

export function useLook(): LookChoice {
  return use(LookContext);
}

type NamedStyles<T> = { [K in keyof T]: ViewStyle | TextStyle | ImageStyle };

/** Styles that depend on the theme, made once for dark and once for light. */
export function makeStyles<T extends NamedStyles<T>>(make: (theme: Theme) => T): () => T {
  const styles = new Map<string, T>();
  return function useStyles(): T {
    const theme = useTheme();
    const known = styles.get(theme.key) ?? StyleSheet.create(make(theme));
    styles.set(theme.key, known);
    return known;
  };
}
