export { SecurityRoute as default } from '@/shell/security-overview-route';
