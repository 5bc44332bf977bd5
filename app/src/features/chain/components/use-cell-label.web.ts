/** On the web the name of a cell is its content: nothing to follow. */
export function useCellLabel(..._cell: unknown[]): string | undefined {
  return undefined;
}
