/**
 * What went wrong with a request, as one tagged value.
 *
 * `offline`: nothing answered. `problem`: the server said why (RFC 9457 body). `unreadable`: it
 * answered something that is not ours, such as a proxy's page. `temporary` says whether the same
 * request may succeed later.
 */
export type Failure =
  | { kind: 'offline'; temporary: true }
  | {
      kind: 'problem';
      temporary: boolean;
      status: number;
      code: string;
      detail: string;
      nextStep: string;
      requestId: string;
      fields: Readonly<Record<string, string>>;
    }
  | { kind: 'unreadable'; temporary: boolean; status: number };

const TEMPORARY_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function fieldsOf(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  const fields: Record<string, string> = {};
  for (const [name, message] of Object.entries(value)) {
    if (typeof message === 'string') fields[name] = message;
  }
  return fields;
}

/** Read an error answer. A body that is not a problem document is `unreadable`, never guessed. */
export function failureOf(status: number, body: unknown): Failure {
  const temporary = TEMPORARY_STATUS.has(status);
  if (!isRecord(body) || typeof body.code !== 'string') {
    return { kind: 'unreadable', temporary, status };
  }
  return {
    kind: 'problem',
    temporary,
    status,
    code: body.code,
    detail: text(body.detail),
    nextStep: text(body.next_step),
    requestId: text(body.request_id),
    fields: fieldsOf(body.fields),
  };
}

/** The error that queries and forms see. */
export class ApiError extends Error {
  constructor(readonly failure: Failure) {
    super(failure.kind === 'problem' ? failure.detail : failure.kind);
    this.name = 'ApiError';
  }
}

/** Anything thrown by a request, as a failure: an exception of `fetch` means nothing answered. */
export function asFailure(error: unknown): Failure {
  return error instanceof ApiError ? error.failure : { kind: 'offline', temporary: true };
}
