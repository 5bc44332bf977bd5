export { AdminUserRoute as default } from '@/shell/admin-routes';
