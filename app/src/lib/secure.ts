/** What must stay secret on a phone: in the keychain or keystore, never in plain storage. */
import * as SecureStore from 'expo-secure-store';

const REFRESH_KEY = 'optix.refresh';
const LOCK_KEY = 'optix.lock';

// Never in a backup that another device could restore, and readable only while unlocked.
const options = { keychainAccessible: SecureStore.WHEN_UNLOCKED_THIS_DEVICE_ONLY };

export const refreshTokens = {
  load: (): Promise<string | null> => SecureStore.getItemAsync(REFRESH_KEY, options),
  save: (token: string): Promise<void> => SecureStore.setItemAsync(REFRESH_KEY, token, options),
  clear: (): Promise<void> => SecureStore.deleteItemAsync(REFRESH_KEY, options),
};

/** Whether this device asks for its owner before it opens; kept where no other app can change it. */
export const lockSetting = {
  load: async (): Promise<boolean> => (await SecureStore.getItemAsync(LOCK_KEY, options)) === 'on',
  save: (on: boolean): Promise<void> =>
    on
      ? SecureStore.setItemAsync(LOCK_KEY, 'on', options)
      : SecureStore.deleteItemAsync(LOCK_KEY, options),
};
