export { SignInRoute as default } from '@/shell/auth-routes';
