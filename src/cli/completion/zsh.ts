/** Completion for zsh, by its own _arguments. */
import type { Actions, Completed, Flag, Kind, Rest } from './words.js'

export function zsh(commands: readonly Completed[]): string {
  return `#compdef kq
# Completion of kq for zsh: as a file _kq in a directory of $fpath, or source <(kq completion zsh)
_kq() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a names=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  _arguments -C \\
    '(- *)'{-h,--help}'[print help]' \\
    '(- *)'{-V,--version}'[print the version]' \\
    '1:command:->command' \\
    '*::words:->words' && return
  case $state in
    command) _describe command names ;;
    words)
      local -i at=\${words[(i)--]}
      case $words[1] in
${commands.map(one).join('\n')}
      esac ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _kq "$@"
else
  compdef _kq kq
fi
`
}

function one({ name, flags, rest }: Completed): string {
  const specs = [...flags.flatMap(specsOf), ...restSpecs(rest)]
  const lines = [`_arguments -S \\\n${specs.map((spec) => `            ${spec}`).join(' \\\n')}`]
  if (rest !== undefined && 'command' in rest) {
    lines.unshift(
      `if ((at < CURRENT)); then
            words=("\${(@)words[at + 1, -1]}")
            ((CURRENT -= at))
            if ((CURRENT == 1)); then _command_names -e; else _normal; fi
            return
          fi`,
    )
  }
  return `        ${name})
          ${lines.join('\n          ')} ;;`
}

function restSpecs(rest: Rest | undefined): string[] {
  if (rest === undefined) return []
  if ('words' in rest) return [`'1:word:${action(rest.words)}'`]
  if (rest.command === 'at once')
    return ["'(-)1:command: _command_names -e'", "'*::words: _normal'"]
  return [`'*:path:${action(rest.before ?? 'any')}'`]
}

/** A flag in the words of _arguments, once for each way to write it. */
function specsOf({ option, short, value, help, repeats, kind }: Flag): string[] {
  const name = value.replace(/^\[|\]$/g, '')
  const colon = value.startsWith('[') ? '::' : ':'
  const taken = kind === undefined ? '' : `${colon}${escaped(name)}:${action(kind)}`
  const spellings = [`--${option}${kind === undefined ? '' : '='}`]
  if (short) spellings.push(`-${short}${kind === undefined ? '' : '+'}`)
  const others = short ? `(-${short} --${option})` : ''
  return spellings.map((spelling) =>
    quoted(`${repeats ? '*' : others}${spelling}[${escaped(help)}]${taken}`),
  )
}

const ACTIONS: Actions = {
  any: ' ',
  file: '_files',
  process: '_pids',
  interface: '_net_interfaces',
}

function action(kind: Kind): string {
  return typeof kind === 'string' ? ACTIONS[kind] : `(${kind.join(' ')})`
}

function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&')
}

function quoted(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`
}
