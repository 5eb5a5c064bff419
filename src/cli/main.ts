#!/usr/bin/env node
/**
 * The program `kq`. What it is asked most often by others, its version, it says before all
 * else is loaded.
 */
import { writeSync } from 'node:fs'
import { version } from './version.js'

function sayVersion(): boolean {
  const [word] = process.argv.slice(2)
  if (word !== '--version' && word !== '-V') return false
  try {
    writeSync(1, `${version()}\n`)
    return true
  } catch {
    // Written in the usual way, which waits, or says what is wrong.
    return false
  }
}

if (!sayVersion()) await import('./kq.js')
