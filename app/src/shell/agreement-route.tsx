/** The market data agreement, behind You. */
import { AgreementScreen } from '@/features/agreement/agreement-screen';
import { useBackTo } from '@/shell/use-back-to';

export function AgreementRoute() {
  return <AgreementScreen onBack={useBackTo('/you')} />;
}
