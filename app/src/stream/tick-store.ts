/**
 * The newest value of every quote and contract, outside React.
 *
 * Writers put ticks at any rate; readers hear of them at most every FLUSH_MS, in an animation
 * frame, and each reader only of its own key. Values are replaced whole, so a reader may compare
 * by identity.
 */
import { useCallback, useSyncExternalStore } from 'react';

export const FLUSH_MS = 100;

export interface Frames {
  request: (callback: () => void) => void;
  now: () => number;
  later: (callback: () => void, ms: number) => void;
}

const browserFrames: Frames = {
  request: (callback) => {
    requestAnimationFrame(callback);
  },
  now: () => Date.now(),
  later: (callback, ms) => {
    setTimeout(callback, ms);
  },
};

export class TickStore<T> {
  private readonly shown = new Map<string, T>();
  private readonly pending = new Map<string, T>();
  private readonly listeners = new Map<string, Set<() => void>>();
  private scheduled = false;
  private flushedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly frames: Frames = browserFrames) {}

  get(key: string): T | undefined {
    return this.shown.get(key);
  }

  /** The newest value, even if no frame has shown it yet. */
  newest(key: string): T | undefined {
    return this.pending.get(key) ?? this.shown.get(key);
  }

  put(key: string, value: T): void {
    this.pending.set(key, value);
    if (this.scheduled) return;
    this.scheduled = true;
    const wait = this.flushedAt + FLUSH_MS - this.frames.now();
    if (wait <= 0) this.frames.request(() => this.flush());
    else this.frames.later(() => this.frames.request(() => this.flush()), wait);
  }

  /** Put a first value where none is: an answer of the API must not overwrite a newer tick. */
  seed(key: string, value: T): void {
    if (this.newest(key) === undefined) this.put(key, value);
  }

  private flush(): void {
    this.scheduled = false;
    this.flushedAt = this.frames.now();
    const changed = [...this.pending];
    this.pending.clear();
    for (const [key, value] of changed) this.shown.set(key, value);
    for (const [key] of changed) {
      for (const listener of [...(this.listeners.get(key) ?? [])]) listener();
    }
  }

  clear(): void {
    this.pending.clear();
    const keys = [...this.shown.keys()];
    this.shown.clear();
    for (const key of keys) {
      for (const listener of [...(this.listeners.get(key) ?? [])]) listener();
    }
  }

  subscribe(key: string, listener: () => void): () => void {
    const set = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, set);
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.listeners.get(key) === set) this.listeners.delete(key);
    };
  }
}

export function useTick<T>(store: TickStore<T>, key: string): T | undefined {
  const subscribe = useCallback(
    (listener: () => void) => store.subscribe(key, listener),
    [store, key],
  );
  const get = useCallback(() => store.get(key), [store, key]);
  return useSyncExternalStore(subscribe, get, get);
}
