/** The market data agreement: reading, signing, withdrawing. */
import { queryOptions } from '@tanstack/react-query';

import { api, unwrap } from '@/api/client';
import { queryClient } from '@/api/query-client';
import type { MarketAgreement, MarketAgreementSignature } from '@/api/types';

const KEY = ['market', 'agreement'] as const;

export const agreementQuery = queryOptions({
  queryKey: KEY,
  staleTime: 15_000,
  queryFn: () => unwrap(api.GET('/api/v1/market/agreement')),
});

/** What is shown may be another market now: every answer about prices is asked for again. */
async function changed(agreement: MarketAgreement): Promise<void> {
  queryClient.setQueryData(KEY, agreement);
  await queryClient.invalidateQueries({
    predicate: (query) => query.queryKey[1] !== 'agreement',
  });
}

export async function signAgreement(body: MarketAgreementSignature): Promise<void> {
  await changed(await unwrap(api.POST('/api/v1/market/agreement', { body })));
}

export async function withdrawAgreement(): Promise<void> {
  await changed(await unwrap(api.DELETE('/api/v1/market/agreement')));
}
