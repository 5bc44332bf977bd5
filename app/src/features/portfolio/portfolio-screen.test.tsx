// Home and history: loaded, empty, failing, offline, stale, and what a screen reader hears.
import { fireEvent, screen } from '@testing-library/react-native';

import { queryClient } from '@/api/query-client';
import { begin, Refused, serve, show, type Asked } from '@/api/test-screens';
import { portfolioQuery } from '@/features/portfolio/api';
import { HistoryScreen } from '@/features/portfolio/history-screen';
import { PortfolioScreen } from '@/features/portfolio/portfolio-screen';
import {
  aCall,
  anAccount,
  aPortfolio,
  aPosition,
  aTransaction,
} from '@/features/portfolio/test-portfolio';
import { t } from '@/i18n/t';

const go = {
  onConnect: jest.fn(),
  onBrokerages: jest.fn(),
  onHistory: jest.fn(),
  onAccount: jest.fn(),
};
const positions = [
  aPosition(),
  aPosition({ asset: aCall(), quantity: '-2', value: '-1910.00', unrealised: '-5.00' }),
];

function answers(portfolio = aPortfolio()) {
  return ({ path }: Asked) => {
    if (path === 'portfolio') return portfolio;
    return { positions, as_of: portfolio.as_of, accounts: portfolio.accounts };
  };
}

beforeEach(begin);
afterEach(() => jest.clearAllMocks());
afterAll(() => queryClient.clear());

test('value, change, Greeks, accounts and positions are shown', async () => {
  serve(answers());
  show(<PortfolioScreen {...go} />);
  expect(await screen.findByLabelText('$148,236.40')).toBeTruthy();
  expect(screen.getByText('+$958.50 (+0.65%)')).toBeTruthy();
  expect(screen.getByTestId('greek-0')).toHaveTextContent('+$335');
  expect(screen.getByTestId('greek-1')).toHaveTextContent('−$145');
  expect(await screen.findByText('SPY Dec 18 600C')).toBeTruthy();
  expect(screen.getByText('2 in 1 symbol')).toBeTruthy();
  fireEvent.press(screen.getByTestId('tile-a1'));
  expect(go.onAccount).toHaveBeenCalledWith(expect.objectContaining({ id: 'a1' }));
  fireEvent.press(screen.getByTestId('open-history'));
  fireEvent.press(screen.getByTestId('open-connections'));
  expect([go.onHistory, go.onBrokerages].map((each) => each.mock.calls.length)).toEqual([1, 1]);
});

test('without an account the way to the first one is shown', async () => {
  const empty = { totals: [], accounts: [], positions: 0 };
  serve(answers(aPortfolio(empty)));
  show(<PortfolioScreen {...go} />);
  fireEvent.press(await screen.findByText(t('portfolio.add')));
  expect(go.onConnect).toHaveBeenCalledTimes(1);
});

test('a server that fails is an error with a way on, never an empty portfolio', async () => {
  serve(() => new Refused(503, 'database_unavailable', 'The database does not answer.'));
  show(<PortfolioScreen {...go} />);
  expect(await screen.findByText('The database does not answer.')).toBeTruthy();
  expect(screen.queryByText(t('portfolio.none'))).toBeNull();
});

test('what was known stays when the line is gone, and it is said', async () => {
  queryClient.setQueryData(portfolioQuery('u1').queryKey, aPortfolio());
  await queryClient.invalidateQueries({ queryKey: ['portfolio'] });
  serve(() => Promise.reject(new TypeError('no network')));
  show(<PortfolioScreen {...go} />);
  expect(await screen.findByTestId('portfolio-offline')).toBeTruthy();
  expect(screen.getByLabelText('$148,236.40')).toBeTruthy();
});

test('old accounts, missing prices, missing Greeks and paper money are said', async () => {
  const whole = aPortfolio();
  const [usd] = whole.totals;
  if (usd === undefined) throw new Error('there are totals');
  const accounts = [anAccount(), anAccount({ id: 'a2', stale: true, simulated: true })];
  const missing = [{ reason: 'no_quote', positions: 1 }];
  serve(
    answers({
      ...whole,
      accounts,
      simulated: true,
      totals: [{ ...usd, unvalued: 2, day_change: null }],
      greeks: { ...whole.greeks, total: 2, missing },
    }),
  );
  show(<PortfolioScreen {...go} />);
  expect(await screen.findByText(t('portfolio.old', { count: 1 }))).toBeTruthy();
  expect(screen.getByText(t('portfolio.unvalued', { count: 2 }))).toBeTruthy();
  expect(screen.getByText(t('portfolio.paper'))).toBeTruthy();
  expect(screen.getByTestId('greeks-coverage')).toHaveTextContent(
    '1 of 2 positions: 1 without a quote',
  );
});

test('history can be searched and says when nothing matches', async () => {
  const asked = serve(({ options }) => ({
    transactions: options.params?.query?.symbol === 'IWM' ? [] : [aTransaction()],
    next: null,
  }));
  show(<HistoryScreen onBack={jest.fn()} />);
  expect(await screen.findByText('Sold 2 SPY Dec 18 600C at 9.55')).toBeTruthy();
  expect(screen.getByText('+$1,908.70')).toBeTruthy();
  fireEvent.changeText(screen.getByTestId('history-search'), ' IWM ');
  expect(await screen.findByText(t('history.nothing'))).toBeTruthy();
  expect(asked.at(-1)?.options.params?.query?.symbol).toBe('IWM');
});

test('without any history it is said where it comes from', async () => {
  serve(() => ({ transactions: [], next: null }));
  show(<HistoryScreen onBack={jest.fn()} />);
  expect(await screen.findByText(t('history.none'))).toBeTruthy();
});
