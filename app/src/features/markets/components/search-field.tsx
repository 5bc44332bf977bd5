/** The search, docked above the tab bar where the thumb is. */
import { StyleSheet, TextInput } from 'react-native';

import { Row } from '@/design/box';
import { IconButton } from '@/design/button';
import { fontFace } from '@/design/fonts';
import { Icon } from '@/design/icon';
import { icons } from '@/design/icons';
import { useTheme } from '@/design/theme';
import { border, radius, type as scale } from '@/design/tokens';
import { t } from '@/i18n/t';

export interface SearchFieldProps {
  text: string;
  onChange: (text: string) => void;
  /** A narrow pane has room for one word. */
  short?: boolean;
}

export function SearchField({ text, onChange, short = false }: SearchFieldProps) {
  const { c } = useTheme();
  return (
    <Row
      role="search"
      gap="s2"
      style={[styles.frame, { backgroundColor: c.surface.s2, borderColor: c.line.strong }]}
    >
      <Icon of={icons.search} />
      <TextInput
        testID="search"
        aria-label={t('markets.search')}
        placeholder={t(short ? 'markets.search.short' : 'markets.search')}
        placeholderTextColor={c.text.secondary}
        value={text}
        onChangeText={onChange}
        autoCapitalize="characters"
        autoCorrect={false}
        maxLength={64}
        returnKeyType="search"
        style={[fontFace(400), styles.input, { color: c.text.primary }]}
      />
      {text === '' ? null : (
        <IconButton
          icon={icons.close}
          label={t('markets.search.clear')}
          onPress={() => onChange('')}
        />
      )}
    </Row>
  );
}

const styles = StyleSheet.create({
  frame: {
    minHeight: 48,
    borderRadius: radius.lg,
    borderWidth: border.thin,
    paddingLeft: 14,
    paddingRight: 2,
  },
  input: { flex: 1, minHeight: 46, fontSize: scale.title3.size, outlineWidth: 0, minWidth: 0 },
});
