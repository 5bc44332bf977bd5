export { RegisterRoute as default } from '@/shell/auth-routes';
