// A scripted line in place of the socket: what the device keeps of the events, and for whom.
import AsyncStorage from '@react-native-async-storage/async-storage';

import type { EventSubscription } from '@/stream/user-events';
import { connection } from '@/stream/live';
import { followEvents, forgetEvents, userEvents } from '@/stream/live-events';

const followed: EventSubscription[] = [];
const left = jest.fn();

beforeEach(async () => {
  followed.length = 0;
  left.mockClear();
  await AsyncStorage.clear();
  jest.spyOn(connection, 'follow').mockImplementation((subscription) => {
    followed.push(subscription);
    return left;
  });
});

async function settle() {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

async function follow(userId: string) {
  const leave = followEvents(userId);
  await settle();
  const subscription = followed.at(-1);
  if (subscription === undefined) throw new Error('nothing is followed');
  return { leave, subscription };
}

test('events are followed from where this device was, also after a restart', async () => {
  const heard = jest.fn();
  const leaveBus = userEvents.on('account', heard);
  const first = await follow('u1');
  expect(first.subscription.request(1)).toEqual({
    op: 'subscribe',
    id: 1,
    events: ['account', 'sync'],
  });
  first.subscription.started({ epoch: 'e', offset: 4 }, false);
  first.subscription.event(5, 4, { channel: 'account', kind: 'k', body: {}, at: 1 });
  expect(heard).toHaveBeenCalledTimes(1);
  await settle();
  const again = await follow('u1');
  expect(again.subscription.request(2)).toMatchObject({ after: { epoch: 'e', offset: 5 } });
  leaveBus();
});

test('the place of one user says nothing to another, nor after signing out', async () => {
  const first = await follow('u1');
  first.subscription.request(1);
  first.subscription.started({ epoch: 'e', offset: 4 }, false);
  await settle();
  const other = await follow('u2');
  expect(other.subscription.request(1)).not.toHaveProperty('after');
  await forgetEvents();
  const back = await follow('u1');
  expect(back.subscription.request(1)).not.toHaveProperty('after');
});

test('a place that cannot be read is none', async () => {
  for (const kept of ['7', '{"userId":"u1","epoch":7,"offset":1}', '{"userId":"u1","epoch":"e"}']) {
    await AsyncStorage.setItem('optix.events', kept);
    const { subscription } = await follow('u1');
    expect(subscription.request(1)).not.toHaveProperty('after');
  }
});

test('who leaves is unfollowed, also before anything was loaded', async () => {
  const { leave } = await follow('u1');
  leave();
  expect(left).toHaveBeenCalledTimes(1);
  followEvents('u1')();
  await settle();
  expect(followed).toHaveLength(1);
});
