/** How to end. */
export interface Ending {
  politely(): Promise<void>;
  /** For whoever asks a second time. */
  atOnce(): void;
}

// One Ctrl-C arrives up to three times: from the terminal, from npm and from the bootstrap.
const sameRequestMs = 1000;

/**
 * Ends this process on any of the signals, and when its parent is gone: politely at first (status 0), at once (status
 * 130) on a second request.
 */
export function endOn(signals: readonly NodeJS.Signals[], { politely, atOnce }: Ending): void {
  let asked: number | undefined;
  const request = () => {
    if (asked === undefined) {
      asked = Date.now();
      politely().then(
        () => process.exit(0),
        (error) => {
          process.stderr.write(`florin: ${error instanceof Error ? error.message : error}\n`);
          process.exit(1);
        },
      );
    } else if (Date.now() - asked > sameRequestMs) {
      atOnce();
      process.exit(130);
    }
  };
  for (const signal of signals) process.on(signal, request);
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    request();
  }, 500);
  watch.unref();
}
