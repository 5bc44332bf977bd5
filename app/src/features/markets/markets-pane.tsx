/** Markets as the left pane of a wide window: the list, its search and its editor. */
import { useDeferredValue, useState } from 'react';

import { Box, Row, Spacer } from '@/design/box';
import { IconButton } from '@/design/button';
import { icons } from '@/design/icons';
import { Text } from '@/design/text';
import { useListQuotes } from '@/features/markets/api';
import { EditSheet } from '@/features/markets/components/edit-sheet';
import { QuoteList } from '@/features/markets/components/quote-list';
import { SearchField } from '@/features/markets/components/search-field';
import { SearchResults } from '@/features/markets/components/search-results';
import { t } from '@/i18n/t';

export interface MarketsPaneProps {
  selected: string | null;
  onOpen: (symbol: string) => void;
}

export function MarketsPane({ selected, onOpen }: MarketsPaneProps) {
  const [text, setText] = useState('');
  const [editing, setEditing] = useState(false);
  const wanted = useDeferredValue(text.trim());
  const list = useListQuotes();
  const open = (symbol: string) => {
    setText('');
    onOpen(symbol);
  };
  return (
    <Box flex={1} style={{ minHeight: 0 }}>
      <Row padX="s4" height={52}>
        <Text variant="title3" heading={2}>
          {t('markets.edit.title')}
        </Text>
        <Spacer />
        <IconButton icon={icons.edit} label={t('markets.edit')} onPress={() => setEditing(true)} />
      </Row>
      <Box padX="s2" style={{ paddingBottom: 8 }}>
        <SearchField short text={text} onChange={setText} />
      </Box>
      {wanted === '' ? (
        <QuoteList list={list} compact selected={selected} onOpen={open} />
      ) : (
        <SearchResults text={wanted} onOpen={open} />
      )}
      <EditSheet open={editing} onClose={() => setEditing(false)} names={list.names} />
    </Box>
  );
}
