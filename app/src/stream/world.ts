/** What the connection needs of the device and the session, and whom it tells: scripted in tests. */
import type { CloseCode } from '@/stream/closing';
import type { Format, Frame } from '@/stream/protocol';

export interface Socket {
  send: (text: string) => void;
  close: () => void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: (() => void) | null;
}

/** Call back later; the answer takes it back. */
export type Later = (callback: () => void, ms: number) => () => void;

export interface World {
  open: () => Socket;
  /** A token the server will take; `fresh` after it refused the last one. */
  token: (fresh: boolean) => Promise<string>;
  format: () => Format;
  /** The server takes no token of this session, not even a new one. */
  signIn: () => void;
  now: () => number;
  random: () => number;
  later: Later;
}

export interface Events {
  state: (state: ConnectionState) => void;
  frame: (frame: Frame) => void;
  closed: (code: CloseCode) => void;
}

/** `outdated`: the server no longer speaks the version of this app. */
export type ConnectionState = 'idle' | 'connecting' | 'open' | 'waiting' | 'outdated';
