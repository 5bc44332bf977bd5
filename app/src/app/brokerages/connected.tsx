export { ConnectedRoute as default } from '@/shell/brokerage-routes';
