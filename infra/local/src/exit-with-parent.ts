// Preloaded (node --import) into every process of the fleet and into test runs: ends this process when its parent is
// gone, however the parent ended. First politely, as Ctrl-C would, then for good.
const politeMs = 6000;

function end(): void {
  process.kill(process.pid, 'SIGINT');
  setTimeout(() => process.exit(1), politeMs).unref();
}

if (process.channel) {
  process.once('disconnect', end);
  // Listening must not keep a process alive that has nothing else to do.
  process.channel.unref();
} else {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    end();
  }, 500);
  watch.unref();
}
