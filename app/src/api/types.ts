/** Names for the wire types in use. They all come from the generated schema, none is written here. */
import type { components } from '@/api/generated';

type Schemas = components['schemas'];

export type User = Schemas['User'];
export type Tokens = Schemas['Tokens'];
export type Preferences = User['preferences'];
export type SecondFactorNeeded = Schemas['SecondFactorNeeded'];
export type FactorMethod = SecondFactorNeeded['methods'][number];
export type SteppedUp = Schemas['SteppedUp'];
export type StepUpProof = Schemas['StepUp']['proof'];
export type PasskeyOptions = Schemas['PasskeyOptions'];
export type StepUpMethod = Factors['step_up_methods'][number];
export type NewCredential = Schemas['NewCredential'];
export type Assertion = Schemas['Assertion'];
export type PasskeyAdded = Schemas['PasskeyAdded'];
export type TotpSetup = Schemas['TotpSetup'];
export type DeviceSession = Schemas['Session'];
export type Factors = Schemas['Factors'];
export type Passkey = Schemas['Passkey'];
export type Issuer = Schemas['Issuer'];
export type LinkedIssuer = Schemas['LinkedIssuer'];
export type PasswordStrength = Schemas['PasswordStrength'];
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
