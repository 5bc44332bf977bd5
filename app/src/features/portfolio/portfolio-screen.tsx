/** Portfolio home: what everything is worth, its Greeks, the accounts and what they hold. */
import { Loaded } from '@/api/loaded';
import { Box, Row, Spacer } from '@/design/box';
import { IconButton } from '@/design/button';
import { icons } from '@/design/icons';
import { EmptyState } from '@/design/message';
import { Notice } from '@/design/notice';
import { Header, Screen } from '@/design/screen';
import { Scroll } from '@/design/scroll';
import { Text } from '@/design/text';
import { AccountTiles } from '@/features/portfolio/components/account-tiles';
import { GreeksStrip } from '@/features/portfolio/components/greeks-strip';
import { SymbolGroup } from '@/features/portfolio/components/symbol-group';
import { ValueHead } from '@/features/portfolio/components/value-head';
import { usePortfolio, usePositions, type PortfolioAccount } from '@/features/portfolio/api';
import { countWords, groupsOf } from '@/features/portfolio/model';
import { t } from '@/i18n/t';

export interface PortfolioScreenProps {
  onConnect: () => void;
  onBrokerages: () => void;
  onHistory: () => void;
  onAccount: (account: PortfolioAccount) => void;
}

function Title({ onBrokerages, onHistory }: PortfolioScreenProps) {
  return (
    <Header>
      <Text variant="title1" heading={1}>
        {t('portfolio.title')}
      </Text>
      <Spacer />
      <IconButton
        icon={icons.clock}
        label={t('portfolio.history')}
        onPress={onHistory}
        testID="open-history"
      />
      <IconButton
        icon={icons.brokerage}
        label={t('portfolio.brokerages')}
        onPress={onBrokerages}
        testID="open-connections"
      />
    </Header>
  );
}

function Positions() {
  const query = usePositions();
  return (
    <Loaded query={query} rows={4}>
      {({ positions }) => {
        const groups = groupsOf(positions);
        return (
          <Box gap="s3" testID="positions">
            <Row gap="s2" align="baseline">
              <Text variant="title2" heading={2}>
                {t('portfolio.positions')}
              </Text>
              <Text variant="label" tone="tertiary" numeric>
                {positions.length === 0 ? '' : countWords(groups)}
              </Text>
            </Row>
            {positions.length === 0 ? (
              <Text tone="secondary">{t('portfolio.positions.none')}</Text>
            ) : null}
            {groups.map((group) => (
              <SymbolGroup key={group.symbol ?? ''} group={group} />
            ))}
          </Box>
        );
      }}
    </Loaded>
  );
}

export function PortfolioScreen(props: PortfolioScreenProps) {
  const query = usePortfolio();
  const failed = query.data !== undefined && query.error !== null;
  return (
    <Screen label={t('portfolio.title')} testID="portfolio" header={<Title {...props} />}>
      <Scroll onRefresh={() => void query.refetch()} refreshing={query.isRefetching && !failed}>
        <Box padX="s4" padY="s2" gap="s5">
          {failed ? (
            <Notice kind="warning" text={t('portfolio.offline')} testID="portfolio-offline" />
          ) : null}
          <Loaded query={query}>
            {(portfolio) =>
              portfolio.accounts.length === 0 ? (
                <EmptyState
                  title={t('portfolio.none')}
                  text={t('portfolio.none.text')}
                  action={{ title: t('portfolio.add'), onPress: props.onConnect }}
                />
              ) : (
                <>
                  <ValueHead portfolio={portfolio} />
                  <GreeksStrip greeks={portfolio.greeks} />
                  <AccountTiles accounts={portfolio.accounts} onOpen={props.onAccount} />
                  <Positions />
                </>
              )
            }
          </Loaded>
        </Box>
      </Scroll>
    </Screen>
  );
}
