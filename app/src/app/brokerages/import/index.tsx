export { ImportsRoute as default } from '@/shell/brokerage-routes';
