export { MarketsRoute as default } from '@/shell/market-routes';
