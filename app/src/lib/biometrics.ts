/** The lock of this device: face, finger, or its code. */
import * as LocalAuthentication from 'expo-local-authentication';

/** Whether the device has a face or finger of its owner to ask for. */
export async function biometricsOffered(): Promise<boolean> {
  return (await LocalAuthentication.hasHardwareAsync()) && LocalAuthentication.isEnrolledAsync();
}

/** Ask whoever holds the device. The device's own code counts when face or finger fail. */
export async function confirmOwner(reason: string, cancel: string): Promise<boolean> {
  const { success } = await LocalAuthentication.authenticateAsync({
    promptMessage: reason,
    cancelLabel: cancel,
  });
  return success;
}
