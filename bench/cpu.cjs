// At the end of a process, the processor time that it has taken, in µs, on standard error.
const { writeSync } = require('node:fs')

process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  writeSync(2, String(user + system))
})
