/** Why a passkey was not made or not used, in words both platforms share. */
export type PasskeyOptions = Readonly<Record<string, unknown>>;

export type PasskeyProblem = 'cancelled' | 'already-here' | 'unsupported' | 'failed';

export class PasskeyError extends Error {
  constructor(readonly problem: PasskeyProblem) {
    super(problem);
    this.name = 'PasskeyError';
  }
}
