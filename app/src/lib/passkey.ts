/** Passkeys on a phone: the system's own sheet makes and uses them. */
import { Passkey } from 'react-native-passkey';

import { PasskeyError, type PasskeyOptions } from '@/lib/passkey-error';

function named(error: unknown): PasskeyError {
  const name = typeof error === 'object' && error !== null && 'error' in error ? error.error : '';
  if (name === 'UserCancelled') return new PasskeyError('cancelled');
  if (name === 'CredentialAlreadyExists') return new PasskeyError('already-here');
  if (name === 'NotSupported' || name === 'BadConfiguration')
    return new PasskeyError('unsupported');
  return new PasskeyError('failed');
}

export async function passkeysOffered(): Promise<boolean> {
  return Passkey.isSupported();
}

/** Make a passkey; `options` are PublicKeyCredentialCreationOptionsJSON as the server wrote them. */
export async function createPasskey(options: PasskeyOptions): Promise<Record<string, unknown>> {
  try {
    const made = await Passkey.create(options as unknown as Parameters<typeof Passkey.create>[0]);
    return { ...made };
  } catch (error) {
    throw named(error);
  }
}

/** Prove a passkey; `options` are PublicKeyCredentialRequestOptionsJSON as the server wrote them. */
export async function provePasskey(options: PasskeyOptions): Promise<Record<string, unknown>> {
  try {
    const proof = await Passkey.get(options as unknown as Parameters<typeof Passkey.get>[0]);
    return { ...proof };
  } catch (error) {
    throw named(error);
  }
}
