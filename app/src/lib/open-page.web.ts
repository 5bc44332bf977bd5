/** Show somebody else's page beside the app, in a tab that cannot reach this one. */
export async function openPage(url: string): Promise<void> {
  window.open(url, '_blank', 'noopener,noreferrer');
}
