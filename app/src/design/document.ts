/** Phones colour their own frame: there is no document to colour. */
export function applyDocumentTheme(_scheme: string, _background: string, _focus: string): void {}
