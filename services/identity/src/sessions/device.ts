import Bowser from 'bowser';

/**
 * Browser and system in words, such as `Firefox on Linux`, after what the client calls itself: a help to recognise a session,
 * and no proof of anything. Null for programs that are no browsers.
 */
export function deviceOf(userAgent: string | null): string | null {
  if (userAgent === null) return null;
  const { browser, os } = Bowser.parse(userAgent);
  if (!browser.name || !os.name) return null;
  return `${browser.name} on ${os.name}`;
}
