/** Hooks that bind the screen to the stream: subscriptions that live as long as their component. */
import { useEffect, useState } from 'react';

import { useStore } from '@/lib/external-store';
import { useNow } from '@/lib/now';
import { useOnline } from '@/lib/use-online';
import { marketNow, outageOf, type Outage } from '@/stream/freshness';
import {
  chainKey,
  chains,
  connection,
  contracts,
  feedStore,
  quotes,
  type FeedState,
} from '@/stream/live';
import { chainTarget, quotesTarget, type Missing } from '@/stream/targets';
import { useTick } from '@/stream/tick-store';

export function useQuoteStream(symbols: readonly string[]): readonly Missing[] {
  const [missing, setMissing] = useState<readonly Missing[]>([]);
  const key = symbols.join(',');
  useEffect(() => {
    if (key === '') return;
    return connection.subscribe({ quotes: key.split(',') }, quotesTarget(setMissing));
  }, [key]);
  return missing;
}

export function useChainStream(underlying: string, expiration: string | null): string | null {
  const [failed, setFailed] = useState<{ of: string; detail: string } | null>(null);
  useEffect(() => {
    if (expiration === null) return;
    const of = chainKey(underlying, expiration);
    return connection.subscribe(
      { chain: { underlying, expiration } },
      chainTarget(underlying, expiration, (detail) => setFailed({ of, detail })),
    );
  }, [underlying, expiration]);
  return failed?.of === chainKey(underlying, expiration ?? '') ? failed.detail : null;
}

export function useQuoteTick(symbol: string) {
  return useTick(quotes, symbol);
}

export function useContractTick(key: string) {
  return useTick(contracts, key);
}

export function useChainState(underlying: string, expiration: string) {
  return useTick(chains, chainKey(underlying, expiration));
}

export function useFeed(): FeedState {
  return useStore(feedStore);
}

/** What keeps the numbers from being current. Cheap to use in rows: it changes rarely. */
export function useOutage(): Outage {
  const state = useFeed();
  const online = useOnline();
  const now = useNow();
  return outageOf(state, now, online);
}

export function useMarketNow(): number {
  return marketNow(useFeed(), useNow());
}
