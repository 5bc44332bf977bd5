/** Which kind of client this is, in the words of the account endpoints. */
export const clientKind = 'native' as const;
