/** Markets on a phone: indices, the list with live prices, the search in reach of the thumb. */
import { useDeferredValue, useState } from 'react';

import { Box, Spacer } from '@/design/box';
import { IconButton } from '@/design/button';
import { icons } from '@/design/icons';
import { Header, Screen } from '@/design/screen';
import { Text } from '@/design/text';
import { useListQuotes, useMarketSession, useTape } from '@/features/markets/api';
import { EditSheet } from '@/features/markets/components/edit-sheet';
import { ListHead } from '@/features/markets/components/list-head';
import { QuoteList } from '@/features/markets/components/quote-list';
import { SearchField } from '@/features/markets/components/search-field';
import { SearchResults } from '@/features/markets/components/search-results';
import { Tape } from '@/features/markets/components/tape';
import { sessionWords } from '@/features/markets/model';
import { t } from '@/i18n/t';
import { useOutage } from '@/stream/hooks';

export interface MarketsScreenProps {
  onOpen: (symbol: string) => void;
}

function Title({ onEdit }: { onEdit: () => void }) {
  const session = useMarketSession();
  const words = session === undefined ? null : sessionWords(session);
  return (
    <Header>
      <Box>
        <Text variant="title1" heading={1}>
          {t('markets.title')}
        </Text>
      </Box>
      <Spacer />
      {words === null ? null : (
        <Text variant="caption" tone="tertiary" numeric>
          {t(words.key, words.values)}
        </Text>
      )}
      <IconButton icon={icons.edit} label={t('markets.edit')} onPress={onEdit} testID="edit-list" />
    </Header>
  );
}

export function MarketsScreen({ onOpen }: MarketsScreenProps) {
  const [text, setText] = useState('');
  const [editing, setEditing] = useState(false);
  const wanted = useDeferredValue(text.trim());
  const list = useListQuotes();
  const tape = useTape();
  const outage = useOutage();
  return (
    <Screen
      label={t('markets.title')}
      testID="markets"
      header={<Title onEdit={() => setEditing(true)} />}
    >
      {wanted === '' ? (
        <>
          <Tape symbols={tape} outage={outage} onOpen={onOpen} />
          <ListHead />
          <QuoteList list={list} onOpen={onOpen} />
        </>
      ) : (
        <SearchResults text={wanted} onOpen={onOpen} />
      )}
      <Box padX="s4" padY="s2">
        <SearchField text={text} onChange={setText} />
      </Box>
      <EditSheet open={editing} onClose={() => setEditing(false)} names={list.names} />
    </Screen>
  );
}
