/** Back to where one came from; to `home` when the page was opened by its address. */
import { useRouter, type Href } from 'expo-router';

export function useBackTo(home: Href): () => void {
  const router = useRouter();
  return () => (router.canGoBack() ? router.back() : router.replace(home));
}
