/** A proof as the server takes it. A passkey is asked for its signature on the way. */
import type { Assertion, PasskeyOptions, StepUpProof } from '@/api/types';
import { provePasskey } from '@/lib/passkey';

/** What a person gave: digits, a code, a password, or the wish to use a passkey. */
export type Given =
  { method: 'totp' | 'recovery_code' | 'password'; secret: string } | { method: 'passkey' };

/** A device answers in the names of the standard, which the wire type lists. */
export async function assertPasskey(asked: PasskeyOptions): Promise<Assertion> {
  return (await provePasskey(asked.options)) as unknown as Assertion;
}

export async function toProof(
  given: Given,
  passkeyOptions: () => Promise<PasskeyOptions>,
): Promise<StepUpProof> {
  switch (given.method) {
    case 'password':
      return { method: 'password', password: given.secret };
    case 'totp':
    case 'recovery_code':
      return { method: given.method, code: given.secret.trim() };
    case 'passkey': {
      const asked = await passkeyOptions();
      const credential = await assertPasskey(asked);
      return { method: 'passkey', handle: asked.handle, credential };
    }
  }
}
