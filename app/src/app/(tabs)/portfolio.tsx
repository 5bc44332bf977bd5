export { PortfolioRoute as default } from '@/shell/portfolio-routes';
