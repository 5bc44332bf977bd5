export { ConnectionRoute as default } from '@/shell/brokerage-routes';
