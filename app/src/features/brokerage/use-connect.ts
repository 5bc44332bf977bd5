/** One attempt to connect: begun, away at the broker's page or typed here, finished or told why not. */
import { useEffect, useRef, useState } from 'react';

import type { ConnectBegun, Connection, SignInKind } from '@/api/types';
import { useAction } from '@/api/use-action';
import { beginConnect, finishConnect } from '@/features/brokerage/api';
import {
  CONNECTED_PATH,
  fieldsOf,
  filled,
  problemWords,
  type ConnectTarget,
} from '@/features/brokerage/connect-model';
import { t } from '@/i18n/t';
import { clientKind } from '@/lib/platform';
import { awayTo } from '@/lib/trip';

export interface Choice {
  kind?: SignInKind;
  brokerage?: string;
}

/** The form that is open, and until when it holds. */
interface Open {
  begun: ConnectBegun;
  choice: Choice;
  endsAt: number;
  /** What it began with was used up by a refused attempt: the next one begins anew. */
  spent: boolean;
}

export function useConnect(target: ConnectTarget, onConnected: (made: Connection) => void) {
  const [open, setOpen] = useState<Open | null>(null);
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const [missing, setMissing] = useState<readonly string[]>([]);
  const [note, setNote] = useState<string | null>(null);
  const closed = useRef(false);
  useEffect(() => {
    closed.current = false;
    return () => {
      closed.current = true;
    };
  }, []);
  const { provider, connectionId } = target;

  const ask = (choice: Choice) =>
    beginConnect(provider, { ...choice, connection_id: connectionId });
  const finish = async (begun: ConnectBegun, code: string, values: Record<string, string>) => {
    const made = await finishConnect({ provider, handle: begun.handle, code, values });
    if (!closed.current) onConnected(made);
  };
  const away = async (begun: ConnectBegun, url: string) => {
    const back = await awayTo(url, CONNECTED_PATH, { provider, handle: begun.handle });
    if (back === null) {
      // In a browser the page itself is on its way out, and comes back to a page of its own.
      if (clientKind === 'native') setNote(t('connect.closed'));
    } else if ('problem' in back) setNote(problemWords(back.problem));
    else await finish(begun, back.code, {});
  };
  const begin = useAction<Choice>(async (choice) => {
    setNote(null);
    const begun = await ask(choice);
    if (closed.current) return;
    if (begun.url !== null && !begun.copies_code) return away(begun, begun.url);
    if (fieldsOf(begun).length === 0) return finish(begun, begun.code ?? '', {});
    setTyped({});
    setOpen({
      begun,
      choice,
      endsAt: Date.now() + begun.expires_in_seconds * 1000,
      spent: false,
    });
  });
  const send = useAction<Record<string, string>>(
    async (values) => {
      if (open === null) return;
      const begun = open.spent ? await ask(open.choice) : open.begun;
      setOpen({ ...open, begun, spent: true });
      await finish(begun, begun.code ?? '', values);
    },
    open === null ? [] : fieldsOf(open.begun).map(({ name }) => name),
  );
  const submit = () => {
    if (open === null) return;
    const given = filled(fieldsOf(open.begun), typed);
    setMissing(given.missing);
    if (given.missing.length === 0) void send.run(given.values);
  };
  const restart = () => {
    setOpen(null);
    setTyped({});
    setMissing([]);
    send.clear();
  };
  const type = (name: string, text: string) => setTyped({ ...typed, [name]: text });
  return { open, typed, missing, note, begin, send, submit, restart, type };
}

export type Connecting = ReturnType<typeof useConnect>;
