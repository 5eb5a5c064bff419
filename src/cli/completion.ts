/**
 * `kq completion`: prints a script by which a shell completes the words after kq, made from the
 * tables of commands, conditions and options.
 */
import type { Command } from './command.js'
import { bash } from './completion/bash.js'
import { fish } from './completion/fish.js'
import { type Completed, completed, SHELLS } from './completion/words.js'
import { zsh } from './completion/zsh.js'
import { UsageError } from './errors.js'
import { HELP, type Helpful, readWords } from './options.js'

const WRITERS: Record<string, (commands: readonly Completed[]) => string> = { bash, zsh, fish }

interface CompletionRequest extends Helpful {
  shell: string
}

export const completion: Command<CompletionRequest> = {
  name: 'completion',
  synopsis: 'SHELL',
  summary: 'print what completes kq in a shell',
  about: [
    'Prints a script for bash, zsh or fish, after which the shell completes commands, options and their values.',
  ],
  options: [HELP],
  examples: [
    { text: 'In ~/.bashrc:', line: 'source <(kq completion bash)' },
    { text: 'In ~/.zshrc, after compinit:', line: 'source <(kq completion zsh)' },
    { text: 'For fish, once:', line: 'kq completion fish > ~/.config/fish/completions/kq.fish' },
  ],
  status: [
    ['0', 'it was printed'],
    ['2', 'bad usage, or a shell that it does not know'],
  ],

  read(words) {
    const request: CompletionRequest = { help: false, shell: '' }
    readWords('completion', [HELP], words, request, (word) => {
      if (word === undefined) return false
      if (request.shell) throw new UsageError(`completion is for one shell; leave out '${word}'`)
      if (!SHELLS.includes(word)) {
        throw new UsageError(`there is no completion for '${word}'; write bash, zsh or fish`)
      }
      request.shell = word
      return false
    })
    if (request.help || request.shell) return request
    throw new UsageError('completion needs a shell; write for example: kq completion bash')
  },

  async run({ shell }, { output, commands }) {
    await output.write(WRITERS[shell]!(completed(await commands.all())))
    return 0
  },
}
