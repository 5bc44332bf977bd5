/** Where the server is. A phone needs EXPO_PUBLIC_OPTIX_URL; the web app asks its own origin. */

export function httpOrigin(): string {
  return (process.env.EXPO_PUBLIC_OPTIX_URL ?? 'http://localhost:8000').replace(/\/+$/, '');
}

export function socketUrl(path: string): string {
  return httpOrigin().replace(/^http/, 'ws') + path;
}
