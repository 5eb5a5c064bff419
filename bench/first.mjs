// What a program waits for as it begins, by the clock, in µs on standard error: its `import` of the
// package, or its first `kqueue()`, whichever the argument says.
const begun = performance.now()
const { kqueue } = await import('kqueue')
const imported = performance.now()
kqueue()
const made = performance.now()
const ms = process.argv[2] === 'import' ? imported - begun : made - imported
process.stderr.write(String(ms * 1000))
