/** What phone and desktop show of a chain, from the choices made and the answers got. */
import { useMemo, useState } from 'react';

import { useChain, useExpirations, useUnderlying } from '@/features/chain/api';
import { defaultRoot, pickExpiration, strikeRows } from '@/features/chain/model';
import { priceOf } from '@/lib/market-math';
import { kindOf } from '@/stream/freshness';
import { useOutage, useQuoteTick } from '@/stream/hooks';

export function useChainView(symbol: string, wanted: string | null) {
  const underlying = useUnderlying(symbol);
  const expirations = useExpirations(symbol);
  const expiration = pickExpiration(expirations.data?.expirations ?? [], wanted);
  const { query, failed, state } = useChain(symbol, expiration?.date ?? null);
  const [chosenRoot, setRoot] = useState<string | null>(null);
  const outage = useOutage();
  const tick = useQuoteTick(symbol);
  const roots = state?.roots ?? [];
  const contracts = state?.contracts;
  const known = roots.some((each) => each.root === chosenRoot);
  const root = known ? chosenRoot : defaultRoot(roots, contracts ?? []);
  const rows = useMemo(() => strikeRows(contracts ?? [], root), [contracts, root]);
  const terms = roots.find((each) => each.root === root) ?? null;
  const quality = tick?.quality ?? query.data?.quality ?? 'stale';
  return {
    expirations,
    expiration,
    query,
    failed,
    underlying,
    tick,
    spot: tick === undefined ? null : priceOf(tick.last, tick.bid, tick.ask),
    stale: kindOf(quality, outage) === 'stale',
    quality,
    roots,
    root,
    setRoot,
    rows,
    terms,
    count: contracts?.length ?? 0,
    iv: terms?.atm_iv ?? expiration?.atm_iv ?? null,
    move: terms?.expected_move ?? expiration?.expected_move ?? null,
    loaded: state !== undefined,
  };
}

export type ChainView = ReturnType<typeof useChainView>;
