/** The background flash of a tick on the web: one CSS animation, no timer and no render. */
import { createElement } from 'react';

import { motion, radius } from '@/design/tokens';

const NAME = 'optix-flash';
const REDUCED = '(prefers-reduced-motion: reduce)';

function install(): void {
  if (typeof document === 'undefined' || document.getElementById(NAME) !== null) return;
  const style = document.createElement('style');
  style.id = NAME;
  style.textContent = `@keyframes ${NAME}{from{opacity:1}to{opacity:0}}`;
  document.head.append(style);
}

install();

// Asked once: the answer follows the setting by itself, and a chain flashes often.
const reduced = typeof window === 'undefined' ? null : window.matchMedia(REDUCED);

export function Flash({ color }: { color: string }) {
  const still = reduced?.matches === true;
  return createElement('div', {
    'aria-hidden': true,
    style: {
      position: 'absolute',
      inset: still ? '0 auto 0 0' : 0,
      width: still ? 2 : undefined,
      pointerEvents: 'none',
      backgroundColor: color,
      borderRadius: radius.xs,
      animation: `${NAME} ${motion.flash}ms ${still ? 'step-end' : 'ease-out'} forwards`,
    },
  });
}
