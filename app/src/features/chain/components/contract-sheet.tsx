/** The contract a person pressed, in a sheet that keeps up with the market. */
import type { ChainRoot, Quality } from '@/api/types';
import { Sheet } from '@/design/sheet';
import { Text } from '@/design/text';
import { ContractBody } from '@/features/chain/components/contract-body';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';
import { strike as strikeText } from '@/lib/format';
import { useContractTick } from '@/stream/hooks';
import type { ContractInfo } from '@/stream/protocol';

export interface ContractSheetProps {
  symbol: string;
  expiration: string;
  days: number;
  info: ContractInfo | null;
  root: ChainRoot | null;
  quality: Quality;
  stale: boolean;
  onClose: () => void;
}

export function contractName(symbol: string, expiration: string, info: ContractInfo): string {
  return t(info.right === 'C' ? 'contract.call' : 'contract.put', {
    symbol,
    date: shortDate(expiration),
    strike: strikeText(info.strike),
  });
}

function terms(root: ChainRoot, days: number): string {
  return t('contract.settles', {
    style: t(`contract.style.${root.style}`),
    when: t(`contract.settles.${root.settlement}`),
    days,
  });
}

export function ContractSheet(props: ContractSheetProps) {
  const { symbol, expiration, info, root } = props;
  const tick = useContractTick(info?.key ?? '');
  if (info === null || tick === undefined) return null;
  return (
    <Sheet
      open
      onClose={props.onClose}
      title={contractName(symbol, expiration, info)}
      closeLabel={t('nav.close')}
      subtitle={
        root === null ? undefined : (
          <Text variant="label" tone="tertiary">
            {terms(root, props.days)}
          </Text>
        )
      }
    >
      <ContractBody
        symbol={symbol}
        info={info}
        tick={tick}
        root={root}
        quality={props.quality}
        stale={props.stale}
      />
    </Sheet>
  );
}
