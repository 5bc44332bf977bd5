/** Widths of the list's columns, shared by its head and its rows so that they line up. */
import { StyleSheet } from 'react-native';

export const columns = StyleSheet.create({
  row: { minHeight: 58, gap: 8 },
  name: { width: 106 },
  grow: { flex: 1, minWidth: 0 },
  line: { flex: 1, alignItems: 'center' },
  sigma: { width: 30 },
  vol: { width: 50 },
  last: { width: 82 },
});
