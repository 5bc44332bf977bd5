/** On the web the app is served by the server it talks to. */

export function httpOrigin(): string {
  return window.location.origin;
}

export function socketUrl(path: string): string {
  return window.location.origin.replace(/^http/, 'ws') + path;
}
