export { IssuerReturnRoute as default } from '@/shell/issuer-route';
