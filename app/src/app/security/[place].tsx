export { SecurityPlaceRoute as default } from '@/shell/security-routes';
