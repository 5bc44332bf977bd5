/** Hand a text over as a file. On a phone the share sheet decides where it goes. */
import { Share } from 'react-native';

export async function saveFile(name: string, text: string, _type: string): Promise<boolean> {
  const { action } = await Share.share({ title: name, message: text });
  return action !== Share.dismissedAction;
}
