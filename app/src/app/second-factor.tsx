export { SecondFactorRoute as default } from '@/shell/second-factor-route';
