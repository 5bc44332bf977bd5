export { YouRoute as default } from '@/shell/you-route';
