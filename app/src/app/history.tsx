export { HistoryRoute as default } from '@/shell/portfolio-routes';
