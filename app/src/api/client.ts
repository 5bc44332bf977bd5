/** Typed requests to the server: paths, parameters and answers are the generated schema's. */
import createClient from 'openapi-fetch';

import { ApiError, failureOf } from '@/api/failure';
import type { paths } from '@/api/generated';
import { renew, sessionStore, validToken } from '@/api/session-store';
import { httpOrigin } from '@/lib/origin';
import { clientKind } from '@/lib/platform';

/** What is asked before anybody is signed in. Everything else carries the access token. */
const PUBLIC = new RegExp(
  '/api/v1/(?:app/|auth/(?:' +
    'register|verify-email|login|refresh|logout|try|password-reset|password-strength|' +
    'passkeys/authentication|issuers$|issuers/finish$|issuers/[^/]+/start$' +
    ')(?:/|$))',
);

export function isPublic(url: string): boolean {
  return PUBLIC.test(new URL(url).pathname);
}

async function send(request: Request): Promise<Response> {
  request.headers.set('x-optix-client', clientKind);
  if (isPublic(request.url)) return fetch(request);
  const second = request.clone();
  request.headers.set('authorization', `Bearer ${await validToken()}`);
  const response = await fetch(request);
  if (response.status !== 401 || sessionStore.get().phase !== 'signed-in') return response;
  second.headers.set('authorization', `Bearer ${await renew()}`);
  return fetch(second);
}

export const api = createClient<paths>({
  baseUrl: httpOrigin(),
  credentials: 'include',
  fetch: send,
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of an answer, or an ApiError that says what happened. */
export async function unwrap<T>(request: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const { data, error, response } = await request;
  if (!response.ok || data === undefined || data === null) {
    throw new ApiError(failureOf(response.status, error));
  }
  return data;
}

/** An answer without a body that says yes, or an ApiError that says what happened. */
export async function done(request: Promise<Answer<unknown>>): Promise<void> {
  const { error, response } = await request;
  if (!response.ok) throw new ApiError(failureOf(response.status, error));
}
