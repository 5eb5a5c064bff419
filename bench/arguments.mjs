// The command line of the benchmark.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { Failure } from './failure.mjs'

export const USAGE = `usage: npm run bench -- [options]

Measures this package beside the same work done with bare epoll in C, and
beside a C library that has kqueue() and kevent(), if one is named.

  --rows A,B          only these rows
  --together          all rows one after another in one process, as in a program
                      that uses several filters; else each has its own
  --seconds N         time measured per row and contestant (default 0.75)
  --processor         rates are units a second of processor time: for a machine
                      that has other work, too
  --json              one JSON document instead of the table
  --svg FILE          a drawing of the ratios, too
  --peer LIB          a C kqueue library (.so or .a) to measure against
  --peer-include DIR  where its sys/event.h is: DIR/sys or DIR/kqueue/sys
  --with DIR          where chokidar and @parcel/watcher are installed, if not in
                      bench/peers
  --help              this text

See bench/README.md for the rows.`

/**
 * @typedef {object} Arguments
 * @property {string[]} rows names of the rows to run, in the order of the table
 * @property {boolean} together all rows are measured in one process
 * @property {number} seconds measured per row and contestant
 * @property {boolean} processor a second is one of the processor
 * @property {boolean} json
 * @property {boolean} help
 * @property {string | undefined} svg the file for the drawing
 * @property {{ library: string, include: string } | undefined} peer
 * @property {string | undefined} packages the folder that has others' in its node_modules
 */

/**
 * @param {string[]} argv without the interpreter and the script
 * @param {string[]} names of every row there is
 * @returns {Arguments}
 */
export function parseArguments(argv, names) {
  const {
    rows,
    together,
    seconds,
    processor,
    json,
    help,
    svg,
    peer,
    'peer-include': include,
    with: packages,
  } = parse(argv)
  return {
    rows: chooseRows(rows, names),
    together: together ?? false,
    seconds: chooseSeconds(seconds),
    processor: processor ?? false,
    json: json ?? false,
    help: help ?? false,
    svg: chooseSvg(svg),
    peer: choosePeer(peer, include),
    packages: choosePackages(packages),
  }
}

/** @param {string[]} argv */
function parse(argv) {
  try {
    return parseArgs({
      args: argv,
      options: {
        rows: { type: 'string' },
        together: { type: 'boolean' },
        seconds: { type: 'string' },
        processor: { type: 'boolean' },
        json: { type: 'boolean' },
        svg: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        peer: { type: 'string' },
        'peer-include': { type: 'string' },
        with: { type: 'string' },
      },
    }).values
  } catch (error) {
    throw usage(/** @type {Error} */ (error).message.split(/[.\n]/, 1)[0])
  }
}

/** @param {string | undefined} text @param {string[]} names */
function chooseRows(text, names) {
  if (text === undefined) return names
  const wanted = text.split(',')
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    throw usage(`--rows: there is no row '${unknown}', only ${names.join(', ')}`)
  }
  return names.filter((name) => wanted.includes(name))
}

/** @param {string | undefined} text */
function chooseSeconds(text) {
  if (text === undefined) return 0.75
  const seconds = text.trim() === '' ? Number.NaN : Number(text)
  if (!(seconds > 0 && seconds <= 3600)) {
    throw usage(`--seconds: '${text}' is not a number of seconds above 0 and up to 3600`)
  }
  return seconds
}

/** @param {string | undefined} library @param {string | undefined} include */
function choosePeer(library, include) {
  if (library === undefined && include === undefined) return undefined
  if (!library) throw usage('--peer-include goes with --peer LIB')
  if (!include) throw usage('--peer goes with --peer-include DIR')
  return { library, include }
}

/** @param {string | undefined} file */
function chooseSvg(file) {
  if (file === undefined || (file !== '' && existsSync(dirname(file)))) return file
  throw usage(`--svg: there is no folder for '${file}'`)
}

/** @param {string | undefined} directory */
function choosePackages(directory) {
  if (directory === undefined || existsSync(join(directory, 'node_modules'))) return directory
  throw usage(`--with: there is no node_modules in '${directory}'`)
}

/** @param {string} message */
function usage(message) {
  return new Failure(`${message}; --help shows how to write it`, 2)
}
