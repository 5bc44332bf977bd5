/** Words for people who hear the screen. Phones take them from the label of what is pressed. */
export function Spoken(_props: { text: string }) {
  return null;
}
