/** A surface that reads pointer, finger and arrow keys, and says what it shows as an image. */
import { createElement, type KeyboardEvent, type PointerEvent } from 'react';

import type { TouchSurfaceProps } from '@/design/touch-surface';

function offset(event: PointerEvent<HTMLElement>): number {
  return event.clientX - event.currentTarget.getBoundingClientRect().left;
}

export function TouchSurface({ label, onMove, onEnd, onStep }: TouchSurfaceProps) {
  return createElement('div', {
    role: 'img',
    tabIndex: 0,
    'aria-label': label,
    style: { position: 'absolute', inset: 0, touchAction: 'pan-y', cursor: 'crosshair' },
    onPointerDown: (event: PointerEvent<HTMLElement>) => onMove(offset(event)),
    onPointerMove: (event: PointerEvent<HTMLElement>) => onMove(offset(event)),
    onPointerLeave: onEnd,
    onPointerCancel: onEnd,
    onBlur: onEnd,
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === 'ArrowLeft') onStep(-1);
      else if (event.key === 'ArrowRight') onStep(1);
      else if (event.key === 'Escape') onEnd();
    },
  });
}
