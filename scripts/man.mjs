/** The pages of the manual, into dist/man: made of what `kq help` prints. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const built = (path) => import(new URL(`../dist/cli/${path}.js`, import.meta.url))
const [{ commands }, { commandPage, wholePage }, { pageName, roff }] = await Promise.all(
  ['commands', 'page', 'roff'].map(built),
)
const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
const { version } = JSON.parse(manifest)
const all = await commands.all()
const { SOURCE_DATE_EPOCH: seconds } = process.env
const now = seconds ? new Date(Number(seconds) * 1000) : new Date()
const edition = { version, date: now.toISOString().slice(0, 10) }
const whole = wholePage(all)
const pages = all.map(commandPage)
const place = fileURLToPath(new URL('../dist/man/', import.meta.url))
mkdirSync(place, { recursive: true })
for (const page of [whole, ...pages]) {
  const others = page === whole ? pages : [whole]
  writeFileSync(`${place}${pageName(page)}.1`, roff(page, edition, others))
}
