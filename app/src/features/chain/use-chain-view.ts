/** What phone and desktop show of a chain, from the choices made and the answers got. */
import { useCallback, useMemo, useState } from 'react';

import { useChain, useExpirations, useUnderlying } from '@/features/chain/api';
import { defaultRoot, pickExpiration, strikeRows } from '@/features/chain/model';
import { FIRST_WINDOW, strikesOf, windowFor } from '@/features/chain/strike-window-model';
import { priceOf } from '@/lib/market-math';
import { kindOf } from '@/stream/freshness';
import { useOutage, useQuoteTick } from '@/stream/hooks';
import type { StrikeSpan } from '@/stream/listing';
import { quotes } from '@/stream/live';

/** The window of strikes kept up to date: it begins small with every date, and grows with the view. */
function useWindow(of: string) {
  const [window, setWindow] = useState<{ of: string; around: number | null }>();
  const around = window?.of === of ? window.around : FIRST_WINDOW;
  const show = useCallback(
    (strikes: readonly number[], spot: number | null, shown: StrikeSpan) => {
      const next = windowFor(strikes, spot, shown, around);
      if (next !== around) setWindow({ of, around: next });
    },
    [of, around],
  );
  return { around, show };
}

export function useChainView(symbol: string, wanted: string | null) {
  const underlying = useUnderlying(symbol);
  const expirations = useExpirations(symbol);
  const expiration = pickExpiration(expirations.data?.expirations ?? [], wanted);
  const { around, show } = useWindow(`${symbol} ${expiration?.date ?? ''}`);
  const { query, failed, covered, state } = useChain(symbol, expiration?.date ?? null, around);
  const [chosenRoot, setRoot] = useState<string | null>(null);
  const outage = useOutage();
  const tick = useQuoteTick(symbol);
  const roots = state?.roots ?? [];
  const contracts = state?.contracts;
  const known = roots.some((each) => each.root === chosenRoot);
  const root = known ? chosenRoot : defaultRoot(roots, contracts ?? []);
  const rows = useMemo(() => strikeRows(contracts ?? [], root), [contracts, root]);
  const strikes = useMemo(() => strikesOf(contracts ?? []), [contracts]);
  const onShown = useCallback(
    (shown: StrikeSpan) => {
      const now = quotes.newest(symbol);
      show(strikes, now === undefined ? null : priceOf(now.last, now.bid, now.ask), shown);
    },
    [show, strikes, symbol],
  );
  const terms = roots.find((each) => each.root === root) ?? null;
  const quality = tick?.quality ?? query.data?.quality ?? 'stale';
  return {
    expirations,
    expiration,
    query,
    failed,
    covered,
    onShown,
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
