/** Completion for fish 3 and newer. */
import { type Actions, type Completed, type Flag, type Kind, spellings } from './words.js'

export function fish(commands: readonly Completed[]): string {
  return `# Completion of kq for fish: kq completion fish > ~/.config/fish/completions/kq.fish
# The words before the one that is completed.
function __kq_before
    commandline -opc
end
# Whether a command of kq is meant, and its own words are not over.
function __kq_in
    set -l words (__kq_before)
    test (count $words) -ge 2; and test $words[2] = $argv[1]; and not __kq_rest > /dev/null
end
# Prints the words of a command that kq is given, as far as they are there.
function __kq_rest
    set -l words (__kq_before)
    contains -- "$words[2]" ${namesOf(commands, () => true)}; or return 1
    set -l i 3
    while test $i -le (count $words)
        switch "$words[2] $words[$i]"
            case '* --'
                set i (math $i + 1)
                test $i -le (count $words); and printf '%s\\n' $words[$i..-1]
                return 0
            case ${valued(commands)}
                set i (math $i + 1)
            case '* -*'
            case ${namesOf(
              commands,
              (how) => how === 'at once',
              (name) => `'${name} *'`,
            )}
                printf '%s\\n' $words[$i..-1]
                return 0
        end
        set i (math $i + 1)
    end
    return 1
end
function __kq_complete_rest
    set -l words (string escape -- (__kq_rest)) (commandline -ct)
    complete "-C$words"
end
complete -c kq -f
complete -c kq -n 'test (count (__kq_before)) -eq 1' -s h -l help -d 'print help'
complete -c kq -n 'test (count (__kq_before)) -eq 1' -s V -l version -d 'print the version'
complete -c kq -n '__kq_rest > /dev/null' -a '(__kq_complete_rest)'
${commands.flatMap(lines).join('\n')}
`
}

type How = 'at once' | 'after --'

function namesOf(
  commands: readonly Completed[],
  which: (how: How) => boolean,
  write = (name: string): string => name,
): string {
  return commands
    .filter(({ rest }) => rest !== undefined && 'command' in rest && which(rest.command))
    .map(({ name }) => write(name))
    .join(' ')
}

function valued(commands: readonly Completed[]): string {
  return commands
    .filter(({ rest }) => rest !== undefined && 'command' in rest)
    .flatMap(({ name, flags }) =>
      flags.filter(({ kind }) => kind !== undefined).flatMap((flag) => spellings(name, flag)),
    )
    .join(' ')
}

function lines({ name, summary, flags, rest }: Completed): string[] {
  const within = `complete -c kq -n '__kq_in ${name}'`
  const all = [
    `complete -c kq -n 'test (count (__kq_before)) -eq 1' -a ${name} -d ${quoted(summary)}`,
    ...flags.map((flag) => `${within} ${option(flag)}`),
  ]
  if (rest === undefined) return all
  if ('words' in rest) return [...all, `${within} ${argument(rest.words)}`]
  const before = rest.command === 'at once' ? "-a '(__kq_complete_rest)'" : argument('file')
  return [...all, `${within} ${before}`]
}

function option({ option, short, help, kind }: Flag): string {
  const name = `${short ? `-s ${short} ` : ''}-l ${option}`
  const takes = kind === undefined ? '' : ` -r ${argument(kind)}`
  return `${name}${takes} -d ${quoted(help)}`
}

const ARGUMENTS: Actions = {
  any: '-f',
  file: '-F',
  process: "-f -a '(__fish_complete_pids)'",
  interface: "-f -a '(command ls /sys/class/net)'",
}

function argument(kind: Kind): string {
  return typeof kind === 'string' ? ARGUMENTS[kind] : `-f -a '${kind.join(' ')}'`
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
