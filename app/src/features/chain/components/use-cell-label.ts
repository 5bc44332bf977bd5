/** On a phone one label says the whole cell, so it follows the values. */
import { cellText, cellValue, columnsOf, type ColumnSet } from '@/features/chain/columns';
import { useContractTick } from '@/stream/hooks';
import type { ContractInfo } from '@/stream/protocol';

export function useCellLabel(
  info: ContractInfo,
  set: ColumnSet,
  wide: boolean,
  words: string,
): string | undefined {
  const tick = useContractTick(info.key);
  const names = columnsOf(set, info.right === 'C' ? 'call' : 'put', wide);
  return `${words}: ${names.map((name) => cellText(name, cellValue(name, tick, info))).join(' ')}`;
}
