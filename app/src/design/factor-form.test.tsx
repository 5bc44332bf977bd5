// The quickest way is shown, the others are one press away, and nothing empty is sent.
import { fireEvent, render, screen } from '@testing-library/react-native';

import { FactorForm, orderedWays, type FactorWay } from '@/design/factor-form';
import { t } from '@/i18n/t';

function show(ways: readonly FactorWay[], onProve = jest.fn()) {
  return {
    onProve,
    shown: render(
      <FactorForm ways={ways} busy={false} error={null} submitTitle="Go" onProve={onProve} />,
    ),
  };
}

test('ways come in one order, whatever the server says', () => {
  expect(orderedWays(['recovery_code', 'passkey', 'totp'])).toEqual([
    'totp',
    'passkey',
    'recovery_code',
  ]);
});

test('a full code is proven without a press', async () => {
  const { onProve } = show(['totp', 'recovery_code']);
  fireEvent.changeText(screen.getByTestId('totp-code'), '123456');
  expect(onProve).toHaveBeenCalledWith({ method: 'totp', secret: '123456' });
});

test('another way takes the place of the first', async () => {
  const { onProve } = show(['totp', 'recovery_code']);
  fireEvent.press(screen.getByTestId('way-recovery_code'));
  fireEvent.press(screen.getByTestId('factor-submit'));
  expect(screen.getByText(t('factor.recovery_code.empty'))).toBeTruthy();
  expect(onProve).not.toHaveBeenCalled();
  fireEvent.changeText(screen.getByTestId('recovery-code'), 'abcd-efgh');
  fireEvent.press(screen.getByTestId('factor-submit'));
  expect(onProve).toHaveBeenCalledWith({ method: 'recovery_code', secret: 'abcd-efgh' });
});

test('where nothing can be proven, it says what to do', () => {
  show([]);
  expect(screen.getByText(t('factor.none'))).toBeTruthy();
});
