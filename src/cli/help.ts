/**
 * `kq help`: prints what there is to say of kq, or of one command, as `--help` does.
 */
import type { Command, Commands } from './command.js'
import { UsageError } from './errors.js'
import { HELP, type Helpful, readWords } from './options.js'
import { commandPage, wholePage } from './page.js'
import { plain } from './plain.js'

/** Of kq, or of the command of this name. @throws (rejects with) UsageError there is none */
export async function helpOf(commands: Commands, name?: string): Promise<string> {
  const page =
    name === undefined ? wholePage(await commands.all()) : commandPage(await commands.of(name))
  return plain(page)
}

interface HelpRequest extends Helpful {
  /** The command that it is about. */
  about: string | undefined
}

export const help: Command<HelpRequest> = {
  name: 'help',
  synopsis: '[COMMAND]',
  summary: 'say how kq, or one of its commands, is used',
  about: ['Prints what kq --help prints, or of a command what kq COMMAND --help prints.'],
  options: [HELP],
  examples: [{ text: 'All that kq run can do:', line: 'kq help run' }],
  status: [
    ['0', 'it was printed'],
    ['2', 'there is no such command'],
  ],

  read(words) {
    const request: HelpRequest = { help: false, about: undefined }
    readWords('help', [HELP], words, request, (word) => {
      if (word === undefined) return false
      if (request.about !== undefined) {
        throw new UsageError(`help is about one command; leave out '${word}'`)
      }
      request.about = word
      return false
    })
    return request
  },

  async run({ about }, { output, commands }) {
    await output.write(await helpOf(commands, about))
    return 0
  },
}
