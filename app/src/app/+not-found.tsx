export { NotFoundRoute as default } from '@/shell/not-found-route';
