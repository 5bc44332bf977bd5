/** The symbols of the one list, kept on the device until lists live on the server. */
import { ExternalStore } from '@/lib/external-store';
import { loadJson, saveJson } from '@/lib/storage';

const KEY = 'optix.list';
/** What one socket subscription carries at most, less room for the indices. */
export const LIST_MAX = 50;

export const USUAL_SYMBOLS: readonly string[] = [
  'SPY',
  'QQQ',
  'IWM',
  'SPX',
  'NVDA',
  'AAPL',
  'TSLA',
  'AMD',
  'META',
  'AMZN',
  'MSFT',
  'GOOG',
];

export interface DeviceList {
  symbols: readonly string[];
  /** Never changed by the person: symbols that the feed does not have are then left out. */
  untouched: boolean;
}

export const deviceList = new ExternalStore<DeviceList>({
  symbols: USUAL_SYMBOLS,
  untouched: true,
});

function keep(symbols: readonly string[]): void {
  deviceList.set({ symbols, untouched: false });
  void saveJson(KEY, symbols);
}

export async function loadDeviceList(): Promise<void> {
  const stored = await loadJson(KEY);
  if (!Array.isArray(stored)) return;
  const symbols = stored.filter((each): each is string => typeof each === 'string');
  deviceList.set({ symbols: symbols.slice(0, LIST_MAX), untouched: false });
}

/** False when the list is full. */
export function addSymbol(symbol: string): boolean {
  const { symbols } = deviceList.get();
  if (symbols.includes(symbol)) return true;
  if (symbols.length >= LIST_MAX) return false;
  keep([...symbols, symbol]);
  return true;
}

export function removeSymbol(symbol: string): void {
  keep(deviceList.get().symbols.filter((each) => each !== symbol));
}

export function moveSymbolUp(symbol: string): void {
  const symbols = [...deviceList.get().symbols];
  const index = symbols.indexOf(symbol);
  if (index < 1) return;
  symbols.splice(index, 1);
  symbols.splice(index - 1, 0, symbol);
  keep(symbols);
}

export function restoreUsualSymbols(): void {
  keep(USUAL_SYMBOLS);
}

/** A list nobody made shows only what this feed has. */
export function dropUnknown(failed: readonly string[]): void {
  const { symbols, untouched } = deviceList.get();
  if (!untouched || failed.length === 0) return;
  const known = symbols.filter((symbol) => !failed.includes(symbol));
  if (known.length !== symbols.length) deviceList.set({ symbols: known, untouched: true });
}
