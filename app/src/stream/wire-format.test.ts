// The choice of a developer outlives a restart; everybody else has bytes.
import AsyncStorage from '@react-native-async-storage/async-storage';

import { chooseWireFormat, loadWireFormat, wireFormat } from '@/stream/wire-format';

test('text is chosen, kept and given up again', async () => {
  await loadWireFormat();
  expect(wireFormat.get()).toBe('binary');
  await chooseWireFormat('json');
  expect(wireFormat.get()).toBe('json');
  wireFormat.set('binary');
  await loadWireFormat();
  expect(wireFormat.get()).toBe('json');
  await chooseWireFormat('binary');
  expect(await AsyncStorage.getAllKeys()).toEqual([]);
});
