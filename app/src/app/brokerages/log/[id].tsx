export { LogRoute as default } from '@/shell/brokerage-routes';
