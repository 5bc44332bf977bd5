/** Typed requests to the server: paths, parameters and answers are the generated schema's. */
import createClient from 'openapi-fetch';

import { ApiError, failureOf } from '@/api/failure';
import type { paths } from '@/api/generated';
import { renew, sessionStore, validToken } from '@/api/session-store';
import { httpOrigin } from '@/lib/origin';
import { clientKind } from '@/lib/platform';

const PUBLIC = /\/api\/v1\/(auth|app)\//;

async function send(request: Request): Promise<Response> {
  request.headers.set('x-optix-client', clientKind);
  if (PUBLIC.test(request.url)) return fetch(request);
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
