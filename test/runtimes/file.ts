/** Runs one file of tests: its path, that of the results, and what is not run, as JSON. */
import { pathToFileURL } from 'node:url'
import { type Lacking, runAll } from './runner.js'

const [file, results, lacking] = process.argv.slice(2)
await import(pathToFileURL(file!).href)
await runAll(results!, JSON.parse(lacking!) as Lacking)
