export { AgreementRoute as default } from '@/shell/agreement-route';
