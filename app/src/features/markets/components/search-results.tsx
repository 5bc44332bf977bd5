/** What the search found: open a symbol, or put it on the list with one tap. */
import { useStore } from '@/lib/external-store';
import { StyleSheet } from 'react-native';

import { addSymbol, deviceList, LIST_MAX, removeSymbol } from '@/api/device-list';
import { asFailure } from '@/api/failure';
import type { SymbolMatch } from '@/api/types';
import { Box, Row } from '@/design/box';
import { IconButton } from '@/design/button';
import { FailureCard } from '@/design/failure-card';
import { icons } from '@/design/icons';
import { EmptyState } from '@/design/message';
import { Scroll } from '@/design/scroll';
import { Skeleton } from '@/design/skeleton';
import { Text } from '@/design/text';
import { Touchable } from '@/design/touchable';
import { useSymbolSearch } from '@/features/markets/api';
import { kindKey } from '@/features/markets/model';
import { t } from '@/i18n/t';

interface ResultProps {
  match: SymbolMatch;
  listed: boolean;
  full: boolean;
  onOpen: (symbol: string) => void;
}

function Result({ match, listed, full, onOpen }: ResultProps) {
  const { symbol } = match;
  const about = [
    t(kindKey(match.kind)),
    match.exchange,
    match.has_options ? t('markets.search.options') : '',
  ];
  return (
    <Row rule="bottom" style={styles.row}>
      <Touchable onPress={() => onOpen(symbol)} style={styles.open} testID={`result-${symbol}`}>
        <Row gap="s2">
          <Text variant="title3">{symbol}</Text>
          <Text variant="caption" tone="tertiary">
            {about.filter(Boolean).join(' · ')}
          </Text>
        </Row>
        <Text variant="label" tone="secondary" lines={1}>
          {match.name}
        </Text>
      </Touchable>
      {full && !listed ? null : (
        <IconButton
          testID={`add-${symbol}`}
          icon={listed ? icons.star : icons.plus}
          filled={listed}
          tone={listed ? 'primary' : 'accent'}
          label={t(listed ? 'markets.search.added' : 'markets.search.add', { symbol })}
          onPress={() => (listed ? removeSymbol(symbol) : addSymbol(symbol))}
        />
      )}
    </Row>
  );
}

function Waiting() {
  return (
    <Box padX="s4" padY="s3" gap="s4">
      {[72, 48, 60].map((width) => (
        <Skeleton key={width} width={`${width}%`} height={34} />
      ))}
    </Box>
  );
}

export function SearchResults({
  text,
  onOpen,
}: {
  text: string;
  onOpen: (symbol: string) => void;
}) {
  const search = useSymbolSearch(text);
  const { symbols } = useStore(deviceList);
  if (search.error !== null) {
    return (
      <Box pad="s4">
        <FailureCard failure={asFailure(search.error)} onRetry={() => void search.refetch()} />
      </Box>
    );
  }
  if (search.data === undefined) return <Waiting />;
  if (search.data.results.length === 0) {
    return (
      <EmptyState
        title={t('markets.search.none.title', { text })}
        text={t('markets.search.none.text')}
      />
    );
  }
  const full = symbols.length >= LIST_MAX;
  return (
    <Scroll label={t('markets.search.results')}>
      {full ? (
        <Box padX="s4" padY="s2">
          <Text variant="label" tone="warning">
            {t('markets.full', { max: LIST_MAX })}
          </Text>
        </Box>
      ) : null}
      {search.data.results.map((match) => (
        <Result
          key={match.symbol}
          match={match}
          listed={symbols.includes(match.symbol)}
          full={full}
          onOpen={onOpen}
        />
      ))}
    </Scroll>
  );
}

const styles = StyleSheet.create({
  row: { minHeight: 60, paddingRight: 8 },
  open: { flex: 1, minHeight: 60, justifyContent: 'center', paddingLeft: 16 },
});
