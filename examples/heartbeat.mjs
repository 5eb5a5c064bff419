// Ticks without drift, next to setInterval, measured. Each tick has some work to do.
// setInterval starts the next interval when a tick is served, so its lateness adds
// up; a timer of a kqueue counts from when it was set.
//
//     node examples/heartbeat.mjs [TICKS] [MS]
import { kqueue, ticks } from 'kqueue'

const [count = 50, period = 20] = process.argv.slice(2).map(Number)

function work() {
  const end = performance.now() + period / 4
  while (performance.now() < end);
}

/** ms by which the last tick comes later than `count` periods after the start. */
function lateness(start) {
  return performance.now() - start - count * period
}

async function withTicks() {
  const start = performance.now()
  let seen = 0
  for await (const { expirations } of ticks(period)) {
    seen += expirations // more than 1 if whole periods were missed
    if (seen >= count) return lateness(start)
    work()
  }
}

function withSetInterval() {
  const start = performance.now()
  let seen = 0
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (++seen < count) return work()
      clearInterval(timer)
      resolve(lateness(start))
    }, period)
  })
}

kqueue().close() // the first queue of a thread takes longer, which is not to be measured
console.log(`${count} ticks of ${period} ms, the last one late by`)
console.log(`  ticks        ${(await withTicks()).toFixed(1)} ms`)
console.log(`  setInterval  ${(await withSetInterval()).toFixed(1)} ms`)
