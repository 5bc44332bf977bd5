/** Hand a text over as a file of the download folder. */
export async function saveFile(name: string, text: string, type: string): Promise<boolean> {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The click has begun the download; the address may go once the browser has read it.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  return true;
}
