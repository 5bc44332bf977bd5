export { AdminRoute as default } from '@/shell/admin-routes';
