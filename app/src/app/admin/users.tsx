export { AdminUsersRoute as default } from '@/shell/admin-routes';
