/** The market data agreement: what it says, what somebody is under it, and a form to sign it. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { Loaded } from '@/api/loaded';
import type { MarketAgreement } from '@/api/types';
import { useAction } from '@/api/use-action';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { Field } from '@/design/field';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { Notice } from '@/design/notice';
import { Page, Section } from '@/design/page';
import { Segmented } from '@/design/segmented';
import { SettingRow } from '@/design/setting-row';
import { Text } from '@/design/text';
import { agreementQuery, signAgreement, withdrawAgreement } from '@/features/agreement/api';
import {
  openQuestions,
  shownKey,
  signable,
  standingKey,
  type Answers,
} from '@/features/agreement/model';
import { t } from '@/i18n/t';
import { shortDate } from '@/lib/dates';

const NAME_LENGTH_MAX = 120;
const CHOICES = [
  { value: 'yes', label: t('agreement.yes') },
  { value: 'no', label: t('agreement.no') },
  // A question begins without an answer: neither of the two is put into anybody's mouth.
] as const;

function Standing({ agreement }: { agreement: MarketAgreement }) {
  return (
    <Card testID="agreement-standing">
      <SettingRow
        name={t('agreement.you')}
        value={t(standingKey(agreement))}
        tone={agreement.needed && agreement.lane !== 'main' ? 'warning' : 'primary'}
        last={agreement.signed_at === null}
      />
      {agreement.signed_at ? (
        <SettingRow
          last
          name={t('agreement.signed')}
          value={`${agreement.full_name ?? ''}, ${shortDate(agreement.signed_at)}`}
        />
      ) : null}
    </Card>
  );
}

interface QuestionProps {
  text: string;
  answer: boolean | undefined;
  onAnswer: (answer: boolean) => void;
}

function Question({ text, answer, onAnswer }: QuestionProps) {
  return (
    <Box gap="s2">
      <Text>{text}</Text>
      <Segmented<'yes' | 'no' | ''>
        label={text}
        options={CHOICES}
        value={answer === undefined ? '' : answer ? 'yes' : 'no'}
        onChange={(value) => onAnswer(value === 'yes')}
      />
    </Box>
  );
}

function Form({ agreement }: { agreement: MarketAgreement }) {
  const [answers, setAnswers] = useState<Answers>(agreement.answers ?? {});
  const [fullName, setFullName] = useState(agreement.full_name ?? '');
  const sign = useAction<Answers>(
    (given) =>
      signAgreement({ version: agreement.version, full_name: fullName.trim(), answers: given }),
    ['full_name'],
  );
  const withdraw = useAction<void>(withdrawAgreement);
  const ready = signable(agreement, answers, fullName);
  const open = openQuestions(agreement, answers);
  return (
    <>
      <Section title={t('agreement.questions')}>
        {agreement.questions.map((question) => (
          <Question
            key={question.id}
            text={question.text}
            answer={answers[question.id]}
            onAnswer={(answer) => setAnswers({ ...answers, [question.id]: answer })}
          />
        ))}
      </Section>
      <Field
        label={t('agreement.name')}
        value={fullName}
        onChange={setFullName}
        help={open > 0 ? t('agreement.open', { count: open }) : t('agreement.name.help')}
        error={sign.words.fields.full_name}
        autoComplete="name"
        capitalize="words"
        maxLength={NAME_LENGTH_MAX}
        testID="agreement-name"
      />
      <FormError text={sign.words.form ?? withdraw.words.form} />
      <Button
        title={t(agreement.signed_at ? 'agreement.sign.again' : 'agreement.sign')}
        onPress={() => ready && void sign.run(ready)}
        disabled={ready === null}
        busy={sign.busy}
        testID="sign-agreement"
      />
      {agreement.signed_at ? (
        <Button
          kind="outlined"
          tone="danger"
          title={t('agreement.withdraw')}
          onPress={() => void withdraw.run()}
          busy={withdraw.busy}
          testID="withdraw-agreement"
        />
      ) : null}
    </>
  );
}

export function AgreementScreen({ onBack }: { onBack: () => void }) {
  const agreement = useQuery(agreementQuery);
  return (
    <Page
      title={t('agreement.title')}
      lead={t('agreement.lead')}
      onBack={onBack}
      onRefresh={() => void agreement.refetch()}
      testID="agreement"
    >
      <Loaded query={agreement} rows={6}>
        {(data) => (
          <>
            <Notice
              kind={data.needed && data.lane !== 'main' ? 'warning' : 'info'}
              icon={icons.shield}
              text={t(shownKey(data))}
              testID="agreement-shown"
            />
            <Standing agreement={data} />
            <Section title={t('agreement.text')}>
              {data.paragraphs.map((paragraph) => (
                <Text key={paragraph} tone="secondary">
                  {paragraph}
                </Text>
              ))}
            </Section>
            <Form key={data.signed_at ?? 'unsigned'} agreement={data} />
          </>
        )}
      </Loaded>
    </Page>
  );
}
