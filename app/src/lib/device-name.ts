/** What the list of sessions calls this device. */
import Constants from 'expo-constants';

const NAME_LENGTH_MAX = 64;

export function deviceName(): string {
  return (Constants.deviceName ?? '').slice(0, NAME_LENGTH_MAX);
}
