// The first thing that runs, on whatever Node there is: npm start, npm test and the rest come through here.
// Nothing but old syntax in this file, so that an old Node can still say that it is too old.
const version = process.versions.node;

if (Number(version.split('.')[0]) < 18) {
  process.stderr.write(
    `Florin needs Node.js 18 or newer to begin with (it fetches the one it runs on); this is ${version}.\n`,
  );
  process.exitCode = 1;
} else {
  import('./bootstrap/main.mjs').then((bootstrap) => bootstrap.main(process.argv.slice(2)));
}
