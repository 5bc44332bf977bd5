/** A browser has no lock of its own to ask: passkeys do that there. */

export async function biometricsOffered(): Promise<boolean> {
  return false;
}

export async function confirmOwner(_reason: string, _cancel: string): Promise<boolean> {
  return false;
}
