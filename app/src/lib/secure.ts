/** The refresh token on a phone: in the keychain or keystore, never in plain storage. */
import * as SecureStore from 'expo-secure-store';

const KEY = 'optix.refresh';

export const refreshTokens = {
  load: (): Promise<string | null> => SecureStore.getItemAsync(KEY),
  save: (token: string): Promise<void> => SecureStore.setItemAsync(KEY, token),
  clear: (): Promise<void> => SecureStore.deleteItemAsync(KEY),
};
