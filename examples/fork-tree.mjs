// Follows a whole tree of processes with NOTE_TRACK: two children, which start two each.
// The follower asks for nothing but the process at the top, which here is itself.
//
//     node examples/fork-tree.mjs [--simulated]
//
// On Linux the system has to tell of forks: Linux 6.6, or CAP_NET_ADMIN before.
import { run } from './kernels.mjs'

await run(import.meta.url, {
  async main({ processTree }, unix) {
    const tree = processTree(unix.pid)
    const next = tree.next() // from now on it is followed
    for (let i = 0; i < 2; i++) unix.start('branch')

    const depths = new Map([[unix.pid, 0]])
    let living = 0
    for (let event = (await next).value; ; event = (await tree.next()).value) {
      const { type, pid, parent } = event
      if (type === 'fork') {
        depths.set(pid, depths.get(parent) + 1)
        living++
      } else if (type === 'exit') {
        living--
      }
      if (depths.size === 7 && living === 0) break
    }
    await tree.return()
    for (const depth of [1, 2]) {
      const count = [...depths.values()].filter((each) => each === depth).length
      console.log(`${count} at depth ${depth}`)
    }
    console.log('all have exited')
  },

  branch(_calls, unix) {
    for (let i = 0; i < 2; i++) unix.start('leaf')
  },

  leaf() {},
})
