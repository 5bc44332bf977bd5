// Secrets of links are read from the fragment of web addresses, and from the query of our scheme.
import { linkValue } from '@/lib/link-value';

test('a web link brings its secret in the fragment only', () => {
  expect(linkValue('https://optix.io/reset-password#token=a%2Bb&x=1', 'token')).toBe('a+b');
  expect(linkValue('https://optix.io/reset-password?token=leaked', 'token')).toBeNull();
  expect(linkValue('https://optix.io/reset-password#token=', 'token')).toBeNull();
  expect(linkValue('https://optix.io/reset-password', 'token')).toBeNull();
});

test('our own scheme brings it in the query', () => {
  expect(linkValue('optix://sign-in/issuer?code=c1', 'code')).toBe('c1');
  expect(linkValue('optix://sign-in/issuer?error=cancelled', 'code')).toBeNull();
  expect(linkValue('optix://sign-in/issuer', 'code')).toBeNull();
});
