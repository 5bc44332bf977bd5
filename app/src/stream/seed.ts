/** Answers of the API as first values of the stores, for the moment before the socket speaks. */
import type { Chain, ChainContract, FlagName, Quote } from '@/api/types';
import { mergeListing } from '@/stream/listing';
import { chainKey, chains, contracts, quotes } from '@/stream/live';
import type { ContractTick, QuoteTick } from '@/stream/protocol';

const FLAG_BITS: Record<FlagName, number> = {
  crossed: 1,
  locked: 2,
  no_bid: 4,
  no_ask: 8,
  wide: 16,
  no_quote: 32,
  outlier: 64,
  indicative: 128,
};

export function flagBits(flags: readonly FlagName[]): number {
  return flags.reduce((bits, flag) => bits | FLAG_BITS[flag], 0);
}

export function quoteTick(quote: Quote): QuoteTick {
  return {
    symbol: quote.symbol,
    bid: quote.bid,
    ask: quote.ask,
    bidSize: quote.bid_size,
    askSize: quote.ask_size,
    last: quote.last,
    open: quote.open,
    high: quote.high,
    low: quote.low,
    previousClose: quote.previous_close,
    volume: quote.volume,
    asOf: Date.parse(quote.as_of),
    quality: quote.quality,
    flags: flagBits(quote.flags),
    at: 0,
  };
}

export function contractTick(contract: ChainContract): ContractTick {
  return {
    bid: contract.bid,
    ask: contract.ask,
    bidSize: contract.bid_size,
    askSize: contract.ask_size,
    last: contract.last,
    volume: contract.volume,
    iv: contract.iv,
    delta: contract.delta,
    gamma: contract.gamma,
    theta: contract.theta,
    vega: contract.vega,
    rho: contract.rho,
    status: contract.status,
    flags: flagBits(contract.flags),
    asOf: Date.parse(contract.as_of),
    at: 0,
  };
}

export function seedQuotes(answers: readonly Quote[]): void {
  for (const quote of answers) quotes.seed(quote.symbol, quoteTick(quote));
}

export function seedChain(chain: Chain): void {
  seedQuotes([chain.spot]);
  const key = chainKey(chain.underlying, chain.expiration);
  const known = chains.newest(key);
  const listed = chain.contracts.map((contract) => ({
    key: contract.key,
    root: contract.root,
    right: contract.right,
    strike: contract.strike,
    openInterest: contract.open_interest,
    previousClose: contract.previous_close,
  }));
  // The socket may have been first, with a window of the strikes: the answer has the others.
  const contractList = mergeListing(listed, known?.contracts ?? []);
  if (contractList !== known?.contracts)
    chains.put(key, { roots: known?.roots ?? chain.roots, contracts: contractList });
  for (const contract of chain.contracts) contracts.seed(contract.key, contractTick(contract));
}
