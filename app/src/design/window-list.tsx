/**
 * A list of rows of known heights that draws only what is near the view.
 *
 * It opens centred on a row and never jumps: when rows are added, removed or moved above the view,
 * it scrolls by the difference in the same frame.
 */
import {
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
  type ReactNode,
  type Ref,
} from 'react';
import { ScrollView, View, type NativeScrollEvent, type NativeSyntheticEvent } from 'react-native';

import { flashGate } from '@/design/flash-gate';
import { offsetsOf, shiftToKeep, windowOf, type Sized } from '@/design/window-model';

export interface WindowListHandle {
  centre: (index: number, animated: boolean) => void;
}

export interface WindowListProps<T extends Sized> {
  items: readonly T[];
  render: (item: T) => ReactNode;
  /** The row the list opens on, in the middle of the view. */
  centreOn: number;
  label: string;
  /** Told which rows are drawn, when these are others and the list has come to rest. */
  onWindow?: (drawn: readonly T[]) => void;
  handle?: Ref<WindowListHandle>;
  testID?: string;
}

const BUCKET = 120;
const QUIET_MS = 150;
const REST_MS = 120;

function centred(offsets: readonly number[], index: number, viewport: number): number {
  const middle = ((offsets[index] ?? 0) + (offsets[index + 1] ?? 0)) / 2;
  const most = Math.max(0, (offsets[offsets.length - 1] ?? 0) - viewport);
  return Math.min(most, Math.max(0, middle - viewport / 2));
}

function useScrolling<T extends Sized>(items: readonly T[], centreOn: number) {
  const scroll = useRef<ScrollView>(null);
  const top = useRef(0);
  const shown = useRef<readonly Sized[]>(items);
  const quiet = useRef<ReturnType<typeof setTimeout>>(undefined);
  const [viewport, setViewport] = useState(0);
  const [bucket, setBucket] = useState(0);
  const move = (y: number, animated: boolean) => {
    top.current = y;
    setBucket(Math.floor(y / BUCKET));
    scroll.current?.scrollTo({ y, animated });
  };
  const centre = (index: number, animated: boolean) =>
    move(centred(offsetsOf(items), index, viewport), animated);
  const onLayout = (height: number) => {
    if (viewport === 0) move(centred(offsetsOf(items), centreOn, height), false);
    setViewport(height);
  };
  const onScroll = (y: number) => {
    top.current = y;
    setBucket(Math.floor(y / BUCKET));
    flashGate.closed = true;
    clearTimeout(quiet.current);
    quiet.current = setTimeout(() => {
      flashGate.closed = false;
    }, QUIET_MS);
  };
  useLayoutEffect(() => {
    const shift = shiftToKeep(shown.current, items, top.current);
    shown.current = items;
    if (shift !== 0) {
      top.current += shift;
      // The rows of the new place are drawn with it: nobody sees those of the old one.
      setBucket(Math.floor(top.current / BUCKET));
      scroll.current?.scrollTo({ y: top.current, animated: false });
    }
  }, [items]);
  return { scroll, viewport, top: bucket * BUCKET, centre, onLayout, onScroll };
}

export function WindowList<T extends Sized>(props: WindowListProps<T>) {
  const { items, render, centreOn, label, onWindow, handle, testID } = props;
  const { scroll, viewport, top, centre, onLayout, onScroll } = useScrolling(items, centreOn);
  useImperativeHandle(handle, () => ({ centre }));
  const offsets = offsetsOf(items);
  const [first, last] = windowOf(offsets, top, viewport);
  useEffect(() => {
    if (viewport === 0 || onWindow === undefined) return;
    const timer = setTimeout(() => onWindow(items.slice(first, last + 1)), REST_MS);
    return () => clearTimeout(timer);
  }, [onWindow, items, first, last, viewport]);
  return (
    <ScrollView
      ref={scroll}
      testID={testID}
      tabIndex={0}
      role="region"
      aria-label={label}
      scrollEventThrottle={16}
      onLayout={(event) => onLayout(event.nativeEvent.layout.height)}
      onScroll={(event: NativeSyntheticEvent<NativeScrollEvent>) =>
        onScroll(event.nativeEvent.contentOffset.y)
      }
      style={{ flex: 1, minHeight: 0 }}
    >
      <View style={{ height: offsets[offsets.length - 1] ?? 0 }}>
        {viewport === 0
          ? null
          : items.slice(first, last + 1).map((item, index) => (
              <View
                key={item.key}
                style={{
                  position: 'absolute',
                  left: 0,
                  right: 0,
                  top: offsets[first + index] ?? 0,
                  height: item.height,
                }}
              >
                {render(item)}
              </View>
            ))}
      </View>
    </ScrollView>
  );
}
