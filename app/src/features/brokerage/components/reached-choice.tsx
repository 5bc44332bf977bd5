/** Which of the brokerages behind an aggregator: asked at run time, found by name. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { Loaded } from '@/api/loaded';
import { Box } from '@/design/box';
import { ChoiceList } from '@/design/choice-list';
import { Field } from '@/design/field';
import { Text } from '@/design/text';
import { reachedQuery } from '@/features/brokerage/api';
import { sortedReached, type ConnectTarget } from '@/features/brokerage/connect-model';
import { found } from '@/features/brokerage/gallery-model';
import { t } from '@/i18n/t';

/** With fewer than these all are in view, and a search is in the way. */
const SEARCH_FROM = 8;

export interface ReachedChoiceProps {
  target: ConnectTarget;
  value: string;
  onChange: (name: string) => void;
}

export function ReachedChoice({ target, value, onChange }: ReachedChoiceProps) {
  const [search, setSearch] = useState('');
  const reached = useQuery(reachedQuery(target.provider));
  return (
    <Box gap="s2">
      <Text variant="label" tone="tertiary" heading={3}>
        {t('connect.which')}
      </Text>
      <Loaded query={reached}>
        {({ brokerages }) => {
          const shown = found(sortedReached(brokerages), search);
          const usable = shown.filter(({ available }) => available);
          const away = shown.filter(({ available }) => !available);
          return (
            <>
              {brokerages.length >= SEARCH_FROM ? (
                <Field
                  label={t('connect.which.search')}
                  value={search}
                  onChange={setSearch}
                  autoComplete="off"
                  maxLength={64}
                  testID="reached-search"
                />
              ) : null}
              {shown.length === 0 ? (
                <Text tone="secondary">
                  {brokerages.length === 0
                    ? t('connect.which.empty', { name: target.label })
                    : t('connect.which.none')}
                </Text>
              ) : null}
              {usable.length > 0 ? (
                <ChoiceList
                  label={t('connect.which')}
                  choices={usable.map(({ name, label, note }) => ({
                    value: name,
                    title: label,
                    text: note,
                  }))}
                  value={value}
                  onChange={onChange}
                />
              ) : null}
              {away.map(({ name, label, note }) => (
                <Text key={name} variant="label" tone="tertiary">
                  {[label, note || t('connect.unavailable')].join(' · ')}
                </Text>
              ))}
            </>
          );
        }}
      </Loaded>
    </Box>
  );
}
