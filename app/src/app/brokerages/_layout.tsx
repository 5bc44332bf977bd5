export { BrokeragesLayout as default } from '@/shell/brokerage-routes';
