/** On the web the words stand in the page unseen, so that a name always contains what is visible. */
import { createElement } from 'react';

const UNSEEN = {
  position: 'absolute',
  width: 1,
  height: 1,
  overflow: 'hidden',
  clipPath: 'inset(50%)',
  whiteSpace: 'nowrap',
} as const;

export function Spoken({ text }: { text: string }) {
  return createElement('div', { style: UNSEEN }, text);
}
