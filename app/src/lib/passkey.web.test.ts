/**
 * @jest-environment jsdom
 */
// The JSON of WebAuthn crosses to bytes and back unchanged, also where the browser does not help.
import { fromBase64Url, toBase64Url } from '@/lib/base64url';
import { createPasskey, passkeysOffered, provePasskey } from '@/lib/passkey.web';

const bytes = (...values: number[]) => new Uint8Array(values).buffer;

class FakeAttestation {
  clientDataJSON = bytes(1, 2);
  attestationObject = bytes(3);
  getTransports = () => ['internal'];
}

const asked: { publicKey?: unknown } = {};
let answer: unknown = null;

function install(statics: object = {}) {
  const credential = async (options: { publicKey: unknown }) => {
    asked.publicKey = options.publicKey;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  Object.assign(globalThis, {
    PublicKeyCredential: Object.assign(function PublicKeyCredential() {}, statics),
    AuthenticatorAttestationResponse: FakeAttestation,
  });
  Object.defineProperty(window, 'isSecureContext', { value: true, configurable: true });
  Object.defineProperty(navigator, 'credentials', {
    value: { create: credential, get: credential },
    configurable: true,
  });
}

const made = {
  id: 'AQI',
  rawId: bytes(1, 2),
  type: 'public-key',
  authenticatorAttachment: 'platform',
  getClientExtensionResults: () => ({}),
  response: new FakeAttestation(),
};

const creation = {
  challenge: '_-8A',
  user: { id: 'AQID', name: 'ada' },
  excludeCredentials: [{ id: 'BAUG', type: 'public-key' }],
};

test('every byte survives base64url, without padding', () => {
  const all = Uint8Array.from({ length: 256 }, (_, at) => at);
  const text = toBase64Url(all);
  expect(text).not.toMatch(/[+/=]/);
  expect([...new Uint8Array(fromBase64Url(text))]).toEqual([...all]);
});

test('an older browser gets bytes and answers in JSON', async () => {
  install();
  answer = made;
  const result = await createPasskey(creation);
  const given = asked.publicKey as {
    challenge: ArrayBuffer;
    user: { id: ArrayBuffer; name: string };
    excludeCredentials: { id: ArrayBuffer }[];
  };
  expect([...new Uint8Array(given.challenge)]).toEqual([255, 239, 0]);
  expect([...new Uint8Array(given.user.id)]).toEqual([1, 2, 3]);
  expect([...new Uint8Array(given.excludeCredentials[0]?.id ?? bytes())]).toEqual([4, 5, 6]);
  expect(result).toMatchObject({
    id: 'AQI',
    rawId: 'AQI',
    type: 'public-key',
    response: { clientDataJSON: 'AQI', attestationObject: 'Aw', transports: ['internal'] },
  });
});

test('a proof carries signature and user', async () => {
  install();
  const response = {
    clientDataJSON: bytes(1),
    authenticatorData: bytes(2),
    signature: bytes(3),
    userHandle: null,
  };
  answer = { ...made, response };
  expect((await provePasskey({ challenge: 'AA' })).response).toEqual({
    clientDataJSON: 'AQ',
    authenticatorData: 'Ag',
    signature: 'Aw',
    userHandle: undefined,
  });
});

test('a newer browser reads and writes the JSON itself', async () => {
  const parse = (options: unknown) => ({ parsed: options });
  install({ parseCreationOptionsFromJSON: parse, parseRequestOptionsFromJSON: parse });
  answer = { ...made, toJSON: () => ({ id: 'AQI' }) };
  expect(await createPasskey(creation)).toEqual({ id: 'AQI' });
  expect(asked.publicKey).toEqual({ parsed: creation });
  expect(await provePasskey({ challenge: 'AA' })).toEqual({ id: 'AQI' });
  expect(asked.publicKey).toEqual({ parsed: { challenge: 'AA' } });
});

test.each([
  ['NotAllowedError', 'cancelled'],
  ['AbortError', 'cancelled'],
  ['InvalidStateError', 'already-here'],
  ['NotSupportedError', 'unsupported'],
  ['OtherError', 'failed'],
])('%s is said as %s', async (name, problem) => {
  install();
  answer = Object.assign(new Error('x'), { name });
  await expect(createPasskey(creation)).rejects.toMatchObject({ problem });
});

test('no credential means cancelled, no support means unsupported', async () => {
  install();
  answer = null;
  await expect(provePasskey({ challenge: 'AA' })).rejects.toMatchObject({ problem: 'cancelled' });
  expect(await passkeysOffered()).toBe(true);
  Object.assign(globalThis, { PublicKeyCredential: undefined });
  expect(await passkeysOffered()).toBe(false);
  await expect(provePasskey({ challenge: 'AA' })).rejects.toMatchObject({ problem: 'unsupported' });
});
