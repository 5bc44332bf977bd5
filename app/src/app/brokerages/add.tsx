export { GalleryRoute as default } from '@/shell/brokerage-routes';
