export { ImportRoute as default } from '@/shell/brokerage-routes';
