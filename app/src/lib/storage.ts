/** Small values kept on the device as JSON. Never tokens: those are in `secure`. */
import AsyncStorage from '@react-native-async-storage/async-storage';

export async function loadJson(key: string): Promise<unknown> {
  try {
    const text = await AsyncStorage.getItem(key);
    return text === null ? null : JSON.parse(text);
  } catch {
    // A damaged or forbidden storage must not keep the app from starting: it starts as new.
    return null;
  }
}

export async function saveJson(key: string, value: unknown): Promise<void> {
  try {
    await AsyncStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows refuse storage. The value then lives as long as the page.
  }
}

export async function removeKey(key: string): Promise<void> {
  try {
    await AsyncStorage.removeItem(key);
  } catch {
    // Nothing was stored where storage is refused.
  }
}
