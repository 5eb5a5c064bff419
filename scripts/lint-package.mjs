/**
 * `npm run lint:package`: what a user's tools make of the package as it is packed: publint reads the
 * manifest, attw resolves the types as TypeScript does for ECMAScript modules, and TypeScript checks
 * all that the package declares in a project that has only the types of Node.js besides.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const place = mkdtempSync(join(tmpdir(), 'kqueue-lint-'))

function run(directory, command, ...args) {
  const result = spawnSync(command, args, { cwd: directory, encoding: 'utf8' })
  if (result.error) throw result.error
  if (result.status === 0) return
  process.stderr.write(`${result.stdout}${result.stderr}`)
  throw new Error(`${command} ${args.join(' ')}: ${result.signal ?? `exit code ${result.status}`}`)
}

const own = (command) => join(root, 'node_modules/.bin', command)

/** A user with the strictest settings, who has @types/node, and names no types. */
function makeProject() {
  const project = join(place, 'project')
  mkdirSync(join(project, 'node_modules/kqueue'), { recursive: true })
  for (const peer of ['@types', 'undici-types']) {
    symlinkSync(join(root, 'node_modules', peer), join(project, 'node_modules', peer))
  }
  const options = { module: 'NodeNext', target: 'ES2022', strict: true, noEmit: true, types: [] }
  const settings = { compilerOptions: { ...options, skipLibCheck: false }, files: ['user.ts'] }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(settings))
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  const user = ['kqueue', 'kqueue/core', 'kqueue/sim'].map(
    (from, i) => `export * as k${i} from '${from}'\n`,
  )
  writeFileSync(join(project, 'user.ts'), user.join(''))
  return project
}

try {
  run(root, 'npm', 'pack', '--ignore-scripts', '--pack-destination', place)
  const tarball = join(place, readdirSync(place)[0])
  run(place, own('publint'), tarball, '--strict')
  run(place, own('attw'), tarball, '--profile', 'esm-only')
  const project = makeProject()
  run(
    place,
    'tar',
    'xzf',
    tarball,
    '--strip-components=1',
    '-C',
    join(project, 'node_modules/kqueue'),
  )
  run(project, own('tsc'), '-p', '.')
} catch (error) {
  console.error(`lint:package: ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(place, { recursive: true })
}
