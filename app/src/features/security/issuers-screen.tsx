/** Other accounts that can open this one. */
import { useQuery } from '@tanstack/react-query';

import { Loaded } from '@/api/loaded';
import type { Issuer, LinkedIssuer } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { FormError } from '@/design/form-error';
import { Icon } from '@/design/icon';
import { icons } from '@/design/icons';
import { Page, Section } from '@/design/page';
import { Text } from '@/design/text';
import { issuersQuery, linkedQuery } from '@/features/security/api';
import { linkIssuer, unlinkIssuer } from '@/features/security/issuer-link';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';

function LinkedCard({ linked }: { linked: LinkedIssuer }) {
  const unlink = useAction<void>(() => unlinkIssuer(linked.id));
  return (
    <Card pad="s4" gap="s3" testID="linked-issuer">
      <Row gap="s3" align="flex-start">
        <Icon of={icons.link} tone="accent" />
        <Box flex={1}>
          <Text weight={600}>{linked.name}</Text>
          {linked.email ? (
            <Text variant="label" tone="secondary">
              {linked.email}
            </Text>
          ) : null}
          <Text variant="label" weight={400} tone="tertiary">
            {t('issuers.since', { date: shortDate(linked.created_at) })}
          </Text>
        </Box>
      </Row>
      <Button
        kind="outlined"
        tone="danger"
        title={t('issuers.unlink')}
        label={t('issuers.unlink.label', { name: linked.name })}
        onPress={() => void unlink.run()}
        busy={unlink.busy}
      />
      <FormError text={unlink.words.form} />
    </Card>
  );
}

function LinkButton({ issuer }: { issuer: Issuer }) {
  const link = useAction<void>(() => linkIssuer(issuer.id));
  return (
    <Box gap="s2">
      <Button
        kind="outlined"
        icon={icons.plus}
        title={t('issuers.link', { name: issuer.name })}
        onPress={() => void link.run()}
        busy={link.busy}
        testID={`link-${issuer.id}`}
      />
      <FormError text={link.words.form} />
    </Box>
  );
}

export function IssuersScreen({ onBack }: { onBack: () => void }) {
  const linked = useQuery(linkedQuery);
  const issuers = useQuery(issuersQuery);
  const taken = new Set(linked.data?.linked.map((each) => each.issuer));
  const free = (issuers.data?.issuers ?? []).filter((each) => !taken.has(each.id));
  return (
    <Page
      title={t('issuers.title')}
      lead={t('issuers.lead')}
      onBack={onBack}
      onRefresh={() => void linked.refetch()}
    >
      <Loaded query={linked} rows={1}>
        {(data) => (
          <>
            {data.linked.map((each) => (
              <LinkedCard key={each.id} linked={each} />
            ))}
            {free.length > 0 ? (
              <Section title={t('issuers.more')}>
                {free.map((each) => (
                  <LinkButton key={each.id} issuer={each} />
                ))}
              </Section>
            ) : null}
          </>
        )}
      </Loaded>
    </Page>
  );
}
