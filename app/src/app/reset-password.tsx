export { ResetRoute as default } from '@/shell/reset-routes';
