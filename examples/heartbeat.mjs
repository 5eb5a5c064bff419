// Ticks without drift, next to setInterval, measured. Each tick has some work to do.
// setInterval starts the next interval when a tick is served, so its lateness adds
// up; a timer of a kqueue counts from when it was set.
//
//     node examples/heartbeat.mjs [--simulated] [TICKS] [MS]
//
// The simulated kernel is never late. It has no setInterval, which runs on real time there.
import { run } from './kernels.mjs'

await run(import.meta.url, {
  async main({ kqueue, ticks }, unix) {
    const [count = 50, period = 20] = unix.args.map(Number)

    function work() {
      const end = performance.now() + period / 4
      while (performance.now() < end);
    }

    async function withTicks(start) {
      let seen = 0
      for await (const { expirations } of ticks(period)) {
        seen += expirations // more than 1 if whole periods were missed
        if (seen >= count) return unix.now() - start
        work()
      }
    }

    function withSetInterval(start) {
      let seen = 0
      return new Promise((resolve) => {
        const timer = setInterval(() => {
          if (++seen < count) return work()
          clearInterval(timer)
          resolve(performance.now() - start)
        }, period)
      })
    }

    kqueue().close() // the first queue of a thread takes longer, which is not to be measured
    const late = (ms) => `${(ms - count * period).toFixed(1)} ms`
    console.log(`${count} ticks of ${period} ms, the last one late by`)
    console.log(`  ticks        ${late(await withTicks(unix.now()))}`)
    console.log(`  setInterval  ${late(await withSetInterval(performance.now()))}`)
  },
})
