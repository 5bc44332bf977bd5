/** The next page of a list. */
import { Button } from '@/design/button';
import { t } from '@/i18n/t';

export interface MoreButtonProps {
  list: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
}

export function MoreButton({ list }: MoreButtonProps) {
  if (!list.hasNextPage) return null;
  return (
    <Button
      kind="outlined"
      title={t('action.more')}
      busy={list.isFetchingNextPage}
      onPress={() => void list.fetchNextPage()}
      testID="more"
    />
  );
}
