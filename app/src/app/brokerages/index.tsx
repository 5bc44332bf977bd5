export { BrokeragesRoute as default } from '@/shell/brokerage-routes';
