export { SymbolRoute as default } from '@/shell/market-routes';
