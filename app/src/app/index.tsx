export { WelcomeRoute as default } from '@/shell/auth-routes';
