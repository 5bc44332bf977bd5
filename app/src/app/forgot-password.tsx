export { ForgotRoute as default } from '@/shell/reset-routes';
