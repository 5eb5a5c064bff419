/** Completion for bash 4 and newer, with or without the package bash-completion. */
import { type Actions, type Completed, type Kind, spellings } from './words.js'

export function bash(commands: readonly Completed[]): string {
  const names = [...commands.map(({ name }) => name), '--help', '--version']
  return `# Completion of kq for bash: source <(kq completion bash)
_kq_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}
_kq_files() {
  compopt -o filenames 2> /dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
# Completes a command of the system that begins at this word.
_kq_command() {
  if declare -F _command_offset > /dev/null; then
    _command_offset "$1"
  elif ((COMP_CWORD == $1)); then
    mapfile -t COMPREPLY < <(compgen -c -- "$cur")
  else
    _kq_files
  fi
}
_kq() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} i rest=
  local command=\${COMP_WORDS[1]}
  COMPREPLY=()
  # bash takes --option=value for three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if ((COMP_CWORD == 1)); then
    _kq_words '${names.join(' ')}'
    return
  fi
  for ((i = 2; i < COMP_CWORD; i++)); do
    case "$command \${COMP_WORDS[i]}" in
      *' --') rest=$((i + 1)) && break ;;
${valued(commands)}
      *' '-*) ;;
${commands
  .filter(({ rest }) => rest !== undefined && 'command' in rest && rest.command === 'at once')
  .map(({ name }) => `      '${name} '*) rest=$i && break ;;`)
  .join('\n')}
    esac
  done
  if [[ $rest ]]; then
    case $command in
      ${commands
        .filter(({ rest }) => rest !== undefined && 'command' in rest)
        .map(({ name }) => name)
        .join(' | ')}) _kq_command "$rest" ;;
    esac
    return
  fi
  case "$command $prev" in
${commands.flatMap(values).join('\n')}
  esac
  case "$command $cur" in
${commands.flatMap(options).join('\n')}
  esac
}
complete -F _kq kq
`
}

/** Their values are no words of their own. */
function valued(commands: readonly Completed[]): string {
  const all = commands.flatMap(({ name, flags }) =>
    flags
      .filter(({ kind, value }) => kind !== undefined && !value.startsWith('['))
      .flatMap((flag) => spellings(name, flag)),
  )
  return `      ${all.join(' | ')})
        [[ \${COMP_WORDS[i + 1]} == = ]] && ((i++))
        ((i++)) ;;`
}

function values({ name, flags }: Completed): string[] {
  return flags.flatMap((flag) => {
    if (flag.kind === undefined) return []
    const complete = `${action(flag.kind)} && return`
    // Another option may follow one whose value may be left out.
    const body = flag.value.startsWith('[') ? `[[ $cur == -* ]] || { ${complete}; }` : complete
    return [`    ${spellings(name, flag).join(' | ')}) ${body} ;;`]
  })
}

function options({ name, flags, rest }: Completed): string[] {
  const words = flags.flatMap(({ option, short }) => [
    ...(short ? [`-${short}`] : []),
    `--${option}`,
  ])
  const lines = [`    '${name} '-*) _kq_words '${words.join(' ')}' ;;`]
  if (rest === undefined) return [...lines, `    '${name} '*) _kq_words '${words.join(' ')}' ;;`]
  if ('words' in rest) return [...lines, `    '${name} '*) ${action(rest.words)} ;;`]
  if (rest.command === 'at once') return [...lines, `    '${name} '*) _kq_command "$COMP_CWORD" ;;`]
  return [...lines, `    '${name} '*) ${action(rest.before ?? 'any')} ;;`]
}

const ACTIONS: Actions = {
  any: ':',
  file: '_kq_files',
  process: '_kq_words "$(cd /proc && echo [0-9]*)"',
  interface: '_kq_words "$(cd /sys/class/net && echo *)"',
}

function action(kind: Kind): string {
  return typeof kind === 'string' ? ACTIONS[kind] : `_kq_words '${kind.join(' ')}'`
}
