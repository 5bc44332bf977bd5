// One input: pasted text becomes digits, the last digit completes, nothing is completed twice.
import { fireEvent, render, screen } from '@testing-library/react-native';
import { useState } from 'react';

import { CodeField } from '@/design/code-field';

function Code({ onComplete }: { onComplete: (digits: string) => void }) {
  const [value, setValue] = useState('');
  return (
    <CodeField
      label="Code"
      length={6}
      value={value}
      onChange={setValue}
      onComplete={onComplete}
      testID="code"
    />
  );
}

test('what is pasted with spaces and dashes is the code', async () => {
  const complete = jest.fn();
  await render(<Code onComplete={complete} />);
  fireEvent.changeText(screen.getByTestId('code'), ' 123-456 789');
  expect(complete).toHaveBeenCalledWith('123456');
  expect(screen.getByTestId('code').props.value).toBe('123456');
});

test('it is complete with its last digit, once', async () => {
  const complete = jest.fn();
  await render(<Code onComplete={complete} />);
  fireEvent.changeText(screen.getByTestId('code'), '12345');
  expect(complete).not.toHaveBeenCalled();
  fireEvent.changeText(screen.getByTestId('code'), '123456');
  fireEvent.changeText(screen.getByTestId('code'), '123456x');
  expect(complete).toHaveBeenCalledTimes(1);
});
