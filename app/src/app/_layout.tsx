export { RootLayout as default, PageLoading as SuspenseFallback } from '@/shell/root-layout';
