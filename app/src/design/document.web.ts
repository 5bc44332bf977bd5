/** Colours what React does not draw: the page behind, scroll bars and the focus ring. */
export function applyDocumentTheme(scheme: string, background: string, focus: string): void {
  const root = document.documentElement;
  root.style.colorScheme = scheme;
  root.style.backgroundColor = background;
  root.style.setProperty('--optix-focus', focus);
  document.querySelector('meta[name="theme-color"]')?.setAttribute('content', background);
}
