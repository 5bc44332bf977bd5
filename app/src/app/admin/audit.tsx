export { AdminAuditRoute as default } from '@/shell/admin-routes';
