// The program of the row fork-start: it has its queues, and says so.
import { inheritedKqueues } from 'kqueue'

process.send?.(inheritedKqueues().size)
