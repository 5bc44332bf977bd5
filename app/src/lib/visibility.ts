/** Whether somebody can see the app: in front on a phone, the shown tab in a browser. */
import { AppState } from 'react-native';

export function onVisibility(listener: (visible: boolean) => void): () => void {
  // `inactive` is a phone's moment between two apps: still on the screen.
  const subscription = AppState.addEventListener('change', (state) =>
    listener(state !== 'background'),
  );
  return () => subscription.remove();
}
