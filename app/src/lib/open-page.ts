/** Show somebody else's page beside the app, in the system's browser. */
import * as WebBrowser from 'expo-web-browser';

export async function openPage(url: string): Promise<void> {
  await WebBrowser.openBrowserAsync(url);
}
