/** The routes of market data: one screen at a time on a phone, panes side by side when wide. */
import { useLocalSearchParams, useRouter } from 'expo-router';

import { ChainScreen } from '@/features/chain/chain-screen';
import { MarketsScreen } from '@/features/markets/markets-screen';
import { SymbolScreen } from '@/features/symbol/symbol-screen';
import { isIsoDate } from '@/lib/dates';
import { useWide } from '@/lib/use-wide';
import { Workspace } from '@/shell/workspace';

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Symbols are upper case everywhere; an address typed by hand may not be. */
function useSymbolParams(): { symbol: string | null; expiration: string | null } {
  const params = useLocalSearchParams();
  const symbol = first(params.symbol)?.toUpperCase() ?? null;
  const expiration = first(params.expiration);
  return { symbol, expiration: isIsoDate(expiration) ? expiration : null };
}

function useBack(): () => void {
  const router = useRouter();
  return () => (router.canGoBack() ? router.back() : router.replace('/markets'));
}

export function MarketsRoute() {
  const router = useRouter();
  const wide = useWide();
  const { symbol, expiration } = useSymbolParams();
  if (wide) return <Workspace symbol={symbol} expiration={expiration} />;
  return <MarketsScreen onOpen={(each) => router.push(`/symbol/${encodeURIComponent(each)}`)} />;
}

export function SymbolRoute() {
  const router = useRouter();
  const wide = useWide();
  const back = useBack();
  const { symbol, expiration } = useSymbolParams();
  if (wide || symbol === null) return <Workspace symbol={symbol} expiration={expiration} />;
  const chain = `/chain/${encodeURIComponent(symbol)}` as const;
  return (
    <SymbolScreen
      key={symbol}
      symbol={symbol}
      onBack={back}
      onChain={(date) => router.push(date === null ? chain : `${chain}?expiration=${date}`)}
    />
  );
}

export function ChainRoute() {
  const router = useRouter();
  const wide = useWide();
  const back = useBack();
  const { symbol, expiration } = useSymbolParams();
  if (wide || symbol === null) return <Workspace symbol={symbol} expiration={expiration} />;
  return (
    <ChainScreen
      key={symbol}
      symbol={symbol}
      expiration={expiration}
      onExpiration={(date) => router.setParams({ expiration: date })}
      onBack={back}
    />
  );
}
