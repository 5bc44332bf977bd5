/** On the web the refresh token is an HttpOnly cookie that scripts cannot read: nothing to keep. */
export const refreshTokens = {
  load: async (): Promise<string | null> => null,
  save: async (_token: string): Promise<void> => undefined,
  clear: async (): Promise<void> => undefined,
};

export const lockSetting = {
  load: async (): Promise<boolean> => false,
  save: async (_on: boolean): Promise<void> => undefined,
};
