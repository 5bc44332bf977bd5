/** Administration: only administrators get these routes, and the server checks again. */
import { Redirect, useLocalSearchParams, useRouter } from 'expo-router';

import { sessionStore } from '@/api/session-store';
import { AdminScreen } from '@/features/admin/admin-screen';
import { AuditScreen } from '@/features/admin/audit-screen';
import { ProvidersScreen } from '@/features/admin/providers-screen';
import { UserScreen } from '@/features/admin/user-screen';
import { UsersScreen } from '@/features/admin/users-screen';
import { useStore } from '@/lib/external-store';
import { useBackTo } from '@/shell/use-back-to';

export function AdminRoute() {
  const router = useRouter();
  const back = useBackTo('/you');
  return (
    <AdminScreen
      onBack={back}
      onUsers={() => router.push('/admin/users')}
      onAudit={() => router.push('/admin/audit')}
      onProviders={() => router.push('/admin/providers')}
    />
  );
}

export function AdminUsersRoute() {
  const router = useRouter();
  const back = useBackTo('/admin');
  return <UsersScreen onBack={back} onOpen={(id) => router.push(`/admin/user/${id}`)} />;
}

export function AdminUserRoute() {
  const back = useBackTo('/admin/users');
  const session = useStore(sessionStore);
  const { id } = useLocalSearchParams();
  if (session.phase !== 'signed-in') return null;
  if (typeof id !== 'string') return <Redirect href="/admin/users" />;
  return <UserScreen id={id} own={id === session.user.id} onBack={back} />;
}

export function AdminAuditRoute() {
  return <AuditScreen onBack={useBackTo('/admin')} />;
}

export function AdminProvidersRoute() {
  return <ProvidersScreen onBack={useBackTo('/admin')} />;
}
