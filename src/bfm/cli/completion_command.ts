// SPDX-License-Identifier: LGPL-2.1-only
import { Argument, Command } from 'commander';
import { ownName } from '../failures/own_name.js';

/** Words that may follow each command, by its path: `''` is bfm itself, `'vmcall string'` a command of a command. */
function wordsByPath(program: Command): ReadonlyMap<string, readonly string[]> {
  const words = new Map<string, readonly string[]>();
  const visit = (command: Command, path: readonly string[]): void => {
    const options = command.options.flatMap(({ hidden, long }) =>
      hidden || long === undefined || long === null ? [] : [long],
    );
    const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
    words.set(path.join(' '), [...command.commands.map((each) => each.name()), ...choices, ...options, '--help']);
    for (const each of command.commands) visit(each, [...path, each.name()]);
  };
  visit(program, []);
  return words;
}

function cases(words: ReadonlyMap<string, readonly string[]>, line: (path: string, words: string) => string): string {
  return [...words].map(([path, each]) => line(path, each.join(' '))).join('\n');
}

/** The commands on the line so far are the path. If no word fits, files are offered. */
function bash(words: ReadonlyMap<string, readonly string[]>): string {
  return `_bfm() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
${cases(words, (path) => (path === '' ? '' : `      "${path}") path="${path}" ;;`)).trimStart()}
    esac
  done
  case "$path" in
${cases(words, (path, each) => `    "${path}") words="${each}" ;;`)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _bfm bfm
${ownName === 'npx bfm' ? behindNpx : ''}`;
}

/** In a clone, bfm is the first word behind npx. */
const behindNpx = `_npx_bfm() {
  [ "\${COMP_WORDS[1]}" = bfm ] || return
  COMP_WORDS=("\${COMP_WORDS[@]:1}")
  COMP_CWORD=$((COMP_CWORD - 1))
  _bfm
}
complete -o default -F _npx_bfm npx
`;

/** zsh runs the completions of bash. */
function zsh(words: ReadonlyMap<string, readonly string[]>): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(words)}`;
}

function fish(words: ReadonlyMap<string, readonly string[]>): string {
  const line = (path: string, each: string): string => {
    const commands = path === '' ? [] : path.split(' ');
    const seen = commands.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    const condition = path === '' ? '__fish_use_subcommand' : seen;
    return `complete -c bfm -n '${condition}' -a '${each}'`;
  };
  return `complete -c bfm -e\n${cases(words, line)}\n`;
}

const shells = { bash, zsh, fish };

/** The command `bfm completion`: prints a script that makes a shell complete the command line. @param program the program with its commands */
export function completionCommand(program: Command): Command {
  return new Command('completion')
    .description('print completions for a shell: source <(bfm completion bash)')
    .addArgument(new Argument('<shell>').choices(Object.keys(shells)))
    .action((shell: keyof typeof shells) => {
      process.stdout.write(shells[shell](wordsByPath(program)));
    });
}
