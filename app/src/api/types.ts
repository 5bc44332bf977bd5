/** Names for the wire types in use. They all come from the generated schema, none is written here. */
import type { components } from '@/api/generated';

type Schemas = components['schemas'];

export type User = Schemas['User'];
export type Tokens = Schemas['Tokens'];
export type Quote = Schemas['Quote'];
export type Quality = Quote['quality'];
export type FlagName = Quote['flags'][number];
export type FeedStatus = Schemas['FeedStatus'];
export type MarketStatus = Schemas['MarketStatus'];
export type MarketSession = Schemas['MarketSession'];
export type Expiration = Schemas['Expiration'];
export type ExpirationList = Schemas['ExpirationList'];
export type Chain = Schemas['Chain'];
export type ChainContract = Schemas['ChainContract'];
export type ChainRoot = Schemas['ChainRoot'];
export type AnalyticsStatus = ChainContract['status'];
export type Bar = Schemas['Bar'];
export type BarInterval = Schemas['BarInterval'];
export type SymbolMatch = Schemas['SymbolMatch'];
