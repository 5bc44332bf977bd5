// What people see and hear of the primitives that carry numbers.
import { fireEvent, render, screen } from '@testing-library/react-native';

import { Change } from '@/design/direction';
import { Field } from '@/design/field';
import { FailureCard } from '@/design/failure-card';
import { Freshness } from '@/design/freshness';
import { PriceCell } from '@/design/price-cell';
import { Segmented } from '@/design/segmented';
import { sparkPoints } from '@/design/sparkline';
import { ThemeProvider } from '@/design/theme';

const show = (node: React.ReactElement) => render(<ThemeProvider>{node}</ThemeProvider>);

test('a rising change has triangle, sign and colour; an old one keeps the sign alone', () => {
  const { rerender } = show(<Change value={0.87} text="+0.87%" />);
  expect(screen.UNSAFE_queryAllByProps({ viewBox: '0 0 10 10' }).length).toBeGreaterThan(0);
  rerender(
    <ThemeProvider>
      <Change value={0.87} text="+0.87%" stale />
    </ThemeProvider>,
  );
  expect(screen.UNSAFE_queryAllByProps({ viewBox: '0 0 10 10' })).toHaveLength(0);
  expect(screen.getByText('+0.87%')).toBeTruthy();
});

test('a price flashes when a tick moves it, not when the first tick replaces the API answer', () => {
  const cell = (value: number, at: number) => (
    <ThemeProvider>
      <PriceCell value={value} text={String(value)} at={at} testID="cell" />
    </ThemeProvider>
  );
  const flashes = () => screen.UNSAFE_queryAllByProps({ pointerEvents: 'none' }).length;
  const { rerender } = render(cell(1, 0));
  rerender(cell(2, 10_000));
  expect(flashes()).toBe(0);
  rerender(cell(3, 20_000));
  expect(flashes()).toBeGreaterThan(0);
  expect(screen.getByTestId('cell').props.children).toBe('3');
});

test('a field names its error below itself', () => {
  const onChange = jest.fn();
  show(<Field label="E-mail" value="" onChange={onChange} error="Write an address." />);
  fireEvent.changeText(screen.getByLabelText('E-mail'), 'a');
  expect(onChange).toHaveBeenCalledWith('a');
  expect(screen.getByText('Write an address.')).toBeTruthy();
});

test('a segment says whether it is chosen', () => {
  const onChange = jest.fn();
  const options = [
    { value: 'a', label: 'Price' },
    { value: 'b', label: 'Greeks' },
  ] as const;
  show(<Segmented label="Columns" options={options} value="a" onChange={onChange} />);
  fireEvent.press(screen.getByText('Greeks'));
  expect(onChange).toHaveBeenCalledWith('b');
  const chosen = screen.getAllByRole('radio').map((each) => each.props.accessibilityState?.checked);
  expect(chosen).toEqual([true, false]);
});

test('a failed request is told in words, with its code and a way on', () => {
  const retry = jest.fn();
  show(
    <FailureCard
      failure={{
        kind: 'problem',
        detail: 'The feed is silent.',
        nextStep: 'Wait a moment.',
        code: 'provider_unavailable',
        requestId: 'r1',
      }}
      onRetry={retry}
    />,
  );
  expect(screen.getByText('The feed is silent.')).toBeTruthy();
  expect(screen.getByText('Wait a moment.')).toBeTruthy();
  expect(screen.getByText('Code provider_unavailable')).toBeTruthy();
  fireEvent.press(screen.getByText('Try again'));
  expect(retry).toHaveBeenCalled();
});

test('a lost network is not called an error of the server', () => {
  show(<FailureCard failure={{ kind: 'offline' }} />);
  expect(screen.getByText('The server did not answer')).toBeTruthy();
});

test.each(['live', 'delayed', 'stale', 'modelled', 'replay', 'simulated', 'offline'] as const)(
  'the mark of %s is drawn beside its words',
  (kind) => {
    show(<Freshness kind={kind} text="words" />);
    expect(screen.getByText('words')).toBeTruthy();
  },
);

test('a flat line stands in the middle', () => {
  expect(sparkPoints([2, 2], 20, 10).map(([, y]) => y)).toEqual([5, 5]);
  expect(sparkPoints([1], 20, 10)).toHaveLength(1);
});
