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
import type { StrikeSpan } from '@/stream/listing';
import { chainTarget, quotesTarget, type Missing } from '@/stream/targets';
import { useTick } from '@/stream/tick-store';

const NOTHING_HEARD: ChainStream = { failed: null, covered: null };

export function useQuoteStream(symbols: readonly string[]): readonly Missing[] {
  const [missing, setMissing] = useState<readonly Missing[]>([]);
  const key = symbols.join(',');
  useEffect(() => {
    if (key === '') return;
    return connection.subscribe({ quotes: key.split(',') }, quotesTarget(setMissing));
  }, [key]);
  return missing;
}

export interface ChainStream {
  /** Why the chain cannot be followed, in the server's words. */
  failed: string | null;
  /** The strikes that are kept up to date; null until that is known. */
  covered: StrikeSpan | null;
}

/** Follow a chain: `around` strikes to each side of the money, all of them with null. */
export function useChainStream(
  underlying: string,
  expiration: string | null,
  around: number | null,
): ChainStream {
  const [heard, setHeard] = useState<ChainStream & { of: string }>({ ...NOTHING_HEARD, of: '' });
  const of = chainKey(underlying, expiration ?? '');
  useEffect(() => {
    if (expiration === null) return;
    const chain = { underlying, expiration };
    const wanted = around === null ? chain : { ...chain, strikes: { around } };
    return connection.subscribe(
      { chain: wanted },
      chainTarget(chain, around === null, {
        covered: (covered) => setHeard({ of, covered, failed: null }),
        failed: (failed) => setHeard({ of, covered: null, failed }),
      }),
    );
  }, [of, underlying, expiration, around]);
  return heard.of === of ? heard : NOTHING_HEARD;
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
