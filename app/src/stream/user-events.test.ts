// A scripted history: what is heard, what is passed over, and what has to be asked for again.
import type { UserEvent } from '@/stream/protocol';
import { EventBus, EventSubscription, type EventPlace } from '@/stream/user-events';

const event = (kind: string): UserEvent => ({ channel: 'account', kind, body: {}, at: 1 });

function setUp(place: EventPlace | null) {
  const target = { event: jest.fn(), reset: jest.fn(), moved: jest.fn() };
  return { target, subscription: new EventSubscription(['account'], place, target) };
}

test('the first time only new events are asked for, later those after the last one', () => {
  const { subscription } = setUp(null);
  expect(subscription.request(1)).toEqual({ op: 'subscribe', id: 1, events: ['account'] });
  subscription.started({ epoch: 'e', offset: 17 }, false);
  subscription.event(19, 17, event('a'));
  subscription.detach();
  expect(subscription.id).toBeNull();
  subscription.forget();
  expect(subscription.request(2)).toMatchObject({ after: { epoch: 'e', offset: 19 } });
  expect(subscription.id).toBe(2);
});

test('each event comes once and moves the place', () => {
  const { subscription, target } = setUp({ epoch: 'e', offset: 3 });
  subscription.request(1);
  expect(subscription.event(4, 3, event('early'))).toBe('ignored');
  subscription.started({ epoch: 'e', offset: 3 }, false);
  expect(subscription.event(5, 3, event('a'))).toBe('applied');
  expect(subscription.event(5, 3, event('again'))).toBe('ignored');
  expect(subscription.event(9, 5, event('b'))).toBe('applied');
  expect(target.event.mock.calls.map(([each]) => each.kind)).toEqual(['a', 'b']);
  expect(target.moved).toHaveBeenLastCalledWith({ epoch: 'e', offset: 9 });
  expect(target.reset).not.toHaveBeenCalled();
});

test('an event whose predecessor never came is a gap and is not heard', () => {
  const { subscription, target } = setUp({ epoch: 'e', offset: 3 });
  subscription.request(1);
  subscription.started({ epoch: 'e', offset: 3 }, false);
  expect(subscription.event(6, 5, event('later'))).toBe('gap');
  expect(target.event).not.toHaveBeenCalled();
  expect(subscription.request(2)).toMatchObject({ after: { epoch: 'e', offset: 3 } });
});

test('a history that is gone is told, and the new one is followed', () => {
  const { subscription, target } = setUp({ epoch: 'old', offset: 90 });
  subscription.request(1);
  subscription.started({ epoch: 'new', offset: 2 }, true);
  expect(target.reset).toHaveBeenCalledTimes(1);
  expect(subscription.event(3, 2, event('a'))).toBe('applied');
  subscription.failed();
});

test('listeners hear their channel until they leave', () => {
  const bus = new EventBus<'account' | 'alerts'>();
  const [account, alerts, reset] = [jest.fn(), jest.fn(), jest.fn()];
  const leave = bus.on('account', account);
  bus.on('alerts', alerts);
  const leaveReset = bus.onReset(reset);
  bus.event(event('a'));
  bus.event({ ...event('x'), channel: 'unheard' });
  bus.reset();
  leave();
  leaveReset();
  bus.event(event('b'));
  bus.reset();
  expect(account).toHaveBeenCalledTimes(1);
  expect(alerts).not.toHaveBeenCalled();
  expect(reset).toHaveBeenCalledTimes(1);
});
