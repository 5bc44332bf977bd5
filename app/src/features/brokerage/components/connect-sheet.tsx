/** The sheet that connects a brokerage, or signs in to one again. Closing it connects nothing. */
import { useState } from 'react';

import type { Connection, SignInKind } from '@/api/types';
import { stepUpStore } from '@/api/step-up';
import { Box } from '@/design/box';
import { Button } from '@/design/button';
import { ChoiceList } from '@/design/choice-list';
import { FormError } from '@/design/form-error';
import { icons } from '@/design/icons';
import { Notice } from '@/design/notice';
import { Sheet } from '@/design/sheet';
import { ConnectForm } from '@/features/brokerage/components/connect-form';
import { Fact } from '@/features/brokerage/components/fact';
import { ReachedChoice } from '@/features/brokerage/components/reached-choice';
import { isTyped, type ConnectTarget } from '@/features/brokerage/connect-model';
import { loginWords, signInKey } from '@/features/brokerage/gallery-model';
import { useConnect, type Choice, type Connecting } from '@/features/brokerage/use-connect';
import { t } from '@/i18n/t';
import { useStore } from '@/lib/external-store';

export interface ConnectSheetProps {
  target: ConnectTarget;
  onClose: () => void;
  onConnected: (made: Connection) => void;
}

function Facts({ target, kind }: { target: ConnectTarget; kind: SignInKind | undefined }) {
  const typed = isTyped(kind);
  const login = target.loginSeconds === undefined ? null : loginWords(target.loginSeconds);
  return (
    <Box gap="s3">
      <Fact icon={icons.eye} text={t('connect.fact.read')} />
      <Fact
        icon={icons.lock}
        text={t(typed ? 'connect.fact.sealed' : 'connect.fact.password', { name: target.label })}
      />
      {login ? <Fact icon={icons.clock} text={t(login.key, login.values)} /> : null}
      {target.connectionId ? <Fact icon={icons.you} text={t('connect.fact.same')} /> : null}
      {target.simulated ? (
        <Fact icon={icons.info} tone="simulated" text={t('connect.fact.simulated')} />
      ) : null}
    </Box>
  );
}

interface ReadyProps {
  target: ConnectTarget;
  connecting: Connecting;
  choice: Choice;
  onChoice: (choice: Choice) => void;
}

function Ready({ target, connecting, choice, onChoice }: ReadyProps) {
  const { kind, brokerage = '' } = choice;
  const { note } = connecting;
  return (
    <Box gap="s5" testID="connect-ready">
      {note === null ? null : <Notice kind="warning" text={note} testID="connect-note" />}
      <Facts target={target} kind={kind} />
      {target.kinds.length > 1 && kind !== undefined ? (
        <ChoiceList
          label={t('connect.how')}
          choices={target.kinds.map((each) => ({ value: each, title: t(signInKey(each)) }))}
          value={kind}
          onChange={(next) => onChoice({ ...choice, kind: next })}
        />
      ) : null}
      {target.chooses ? (
        <ReachedChoice
          target={target}
          value={brokerage}
          onChange={(next) => onChoice({ ...choice, brokerage: next })}
        />
      ) : null}
    </Box>
  );
}

/** In reach of the thumb, however long the list above is. */
function Go({ target, connecting, choice }: Omit<ReadyProps, 'onChoice'>) {
  const { begin } = connecting;
  const { kind, brokerage } = choice;
  return (
    <Box padX="s4" padY="s3" gap="s2" rule="top">
      <FormError text={begin.words.form} />
      <Button
        title={isTyped(kind) ? t('connect.next') : t('connect.go', { name: target.label })}
        onPress={() => void begin.run(choice)}
        busy={begin.busy}
        disabled={target.chooses && brokerage === undefined}
        testID="connect-go"
      />
    </Box>
  );
}

export function ConnectSheet({ target, onClose, onConnected }: ConnectSheetProps) {
  const connecting = useConnect(target, onConnected);
  const [choice, setChoice] = useState<Choice>({ kind: target.kinds[0] });
  const ready = connecting.open === null;
  // A phone shows one sheet at a time: this one waits while the step-up asks.
  const asking = useStore(stepUpStore) !== null;
  const again = target.connectionId !== undefined;
  return (
    <Sheet
      open={!asking}
      onClose={onClose}
      title={t(again ? 'connect.again' : 'connect.title', { name: target.label })}
      closeLabel={t('action.cancel')}
      dock={ready ? <Go target={target} connecting={connecting} choice={choice} /> : undefined}
    >
      {ready ? (
        <Ready target={target} connecting={connecting} choice={choice} onChoice={setChoice} />
      ) : (
        <ConnectForm target={target} connecting={connecting} />
      )}
    </Sheet>
  );
}
