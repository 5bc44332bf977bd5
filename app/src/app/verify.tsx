export { VerifyRoute as default } from '@/shell/verify-route';
