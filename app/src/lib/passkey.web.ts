/**
 * Passkeys in a browser. Where the browser reads and writes the JSON of WebAuthn itself, it does;
 * an older one gets the bytes from here.
 */
import { fromBase64Url, toBase64Url } from '@/lib/base64url';
import { PasskeyError, type PasskeyOptions } from '@/lib/passkey-error';

interface Described {
  id: string;
  [name: string]: unknown;
}

interface OptionsJson {
  challenge: string;
  user?: { id: string; [name: string]: unknown };
  excludeCredentials?: Described[];
  allowCredentials?: Described[];
  [name: string]: unknown;
}

interface JsonReaders {
  parseCreationOptionsFromJSON?: (options: unknown) => PublicKeyCredentialCreationOptions;
  parseRequestOptionsFromJSON?: (options: unknown) => PublicKeyCredentialRequestOptions;
}

function readers(): JsonReaders {
  return PublicKeyCredential as unknown as JsonReaders;
}

function withBytes(options: OptionsJson): unknown {
  const described = (list: Described[] | undefined) =>
    list?.map((each) => ({ ...each, id: fromBase64Url(each.id) }));
  return {
    ...options,
    challenge: fromBase64Url(options.challenge),
    ...(options.user && { user: { ...options.user, id: fromBase64Url(options.user.id) } }),
    excludeCredentials: described(options.excludeCredentials),
    allowCredentials: described(options.allowCredentials),
  };
}

function attested(response: AuthenticatorAttestationResponse) {
  return {
    attestationObject: toBase64Url(response.attestationObject),
    transports: response.getTransports?.() ?? [],
  };
}

function asserted(response: AuthenticatorAssertionResponse) {
  return {
    authenticatorData: toBase64Url(response.authenticatorData),
    signature: toBase64Url(response.signature),
    userHandle: response.userHandle ? toBase64Url(response.userHandle) : undefined,
  };
}

function toJson(credential: PublicKeyCredential): Record<string, unknown> {
  if (typeof credential.toJSON === 'function') return { ...credential.toJSON() };
  const { response } = credential;
  const rest =
    response instanceof AuthenticatorAttestationResponse
      ? attested(response)
      : asserted(response as AuthenticatorAssertionResponse);
  return {
    id: credential.id,
    rawId: toBase64Url(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: { clientDataJSON: toBase64Url(response.clientDataJSON), ...rest },
  };
}

function named(error: unknown): PasskeyError {
  const name = error instanceof Error ? error.name : '';
  if (name === 'NotAllowedError' || name === 'AbortError') return new PasskeyError('cancelled');
  if (name === 'InvalidStateError') return new PasskeyError('already-here');
  if (name === 'NotSupportedError') return new PasskeyError('unsupported');
  return new PasskeyError('failed');
}

async function asked(request: () => Promise<Credential | null>): Promise<Record<string, unknown>> {
  if (typeof PublicKeyCredential === 'undefined') throw new PasskeyError('unsupported');
  try {
    const credential = await request();
    if (credential === null) throw new PasskeyError('cancelled');
    return toJson(credential as PublicKeyCredential);
  } catch (error) {
    throw error instanceof PasskeyError ? error : named(error);
  }
}

/** Browsers have passkeys in secure contexts only: HTTPS, or this machine itself. */
export async function passkeysOffered(): Promise<boolean> {
  return window.isSecureContext && typeof PublicKeyCredential !== 'undefined';
}

/** Make a passkey; `options` are PublicKeyCredentialCreationOptionsJSON as the server wrote them. */
export function createPasskey(options: PasskeyOptions): Promise<Record<string, unknown>> {
  return asked(() => {
    const parse = readers().parseCreationOptionsFromJSON;
    const publicKey = parse
      ? parse.call(PublicKeyCredential, options)
      : (withBytes(options as OptionsJson) as PublicKeyCredentialCreationOptions);
    return navigator.credentials.create({ publicKey });
  });
}

/** Prove a passkey; `options` are PublicKeyCredentialRequestOptionsJSON as the server wrote them. */
export function provePasskey(options: PasskeyOptions): Promise<Record<string, unknown>> {
  return asked(() => {
    const parse = readers().parseRequestOptionsFromJSON;
    const publicKey = parse
      ? parse.call(PublicKeyCredential, options)
      : (withBytes(options as OptionsJson) as PublicKeyCredentialRequestOptions);
    return navigator.credentials.get({ publicKey });
  });
}
