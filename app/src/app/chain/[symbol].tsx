export { ChainRoute as default } from '@/shell/market-routes';
