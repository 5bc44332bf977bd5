/** All accounts of this server, found by a part of their address or name. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { Loaded } from '@/api/loaded';
import { usePaused } from '@/lib/use-paused';
import type { AdminUser } from '@/api/types';
import { Card } from '@/design/card';
import { Field } from '@/design/field';
import { icons } from '@/design/icons';
import { EmptyState } from '@/design/message';
import { Page } from '@/design/page';
import { LinkRow } from '@/design/setting-row';
import { usersQuery } from '@/features/admin/api';
import { MoreButton } from '@/design/more-button';
import { userState } from '@/features/admin/model';
import { t } from '@/i18n/t';

export interface UsersScreenProps {
  onBack: () => void;
  onOpen: (id: string) => void;
}

function UserRow({ user, last, onOpen }: { user: AdminUser; last: boolean; onOpen: () => void }) {
  const { key, tone } = userState(user);
  return (
    <LinkRow
      icon={user.disabled_at === null ? icons.you : icons.block}
      title={user.email}
      text={user.display_name}
      value={key === null ? '' : t(key)}
      valueTone={tone}
      last={last}
      onPress={onOpen}
      testID={`user-${user.email}`}
    />
  );
}

export function UsersScreen({ onBack, onOpen }: UsersScreenProps) {
  const [text, setText] = useState('');
  const list = useInfiniteQuery(usersQuery(usePaused(text.trim())));
  return (
    <Page
      wide
      title={t('admin.users')}
      onBack={onBack}
      onRefresh={() => void list.refetch()}
      testID="admin-users"
    >
      <Field
        label={t('admin.users.search')}
        value={text}
        onChange={setText}
        autoComplete="off"
        maxLength={100}
        testID="user-search"
      />
      <Loaded query={list}>
        {({ pages }) => {
          const users = pages.flatMap((page) => page.users);
          if (users.length === 0) {
            return <EmptyState title={t('admin.users.none')} text={t('admin.users.none.text')} />;
          }
          return (
            <Card>
              {users.map((user, index) => (
                <UserRow
                  key={user.id}
                  user={user}
                  last={index === users.length - 1}
                  onOpen={() => onOpen(user.id)}
                />
              ))}
            </Card>
          );
        }}
      </Loaded>
      <MoreButton list={list} />
    </Page>
  );
}
