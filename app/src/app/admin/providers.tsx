export { AdminProvidersRoute as default } from '@/shell/admin-routes';
