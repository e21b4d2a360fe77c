// How the commands end: exit codes, and the errors that stand for one.

/** What a caller of the program can tell from its exit code. */
export const EXIT = {
  /** All is well. */
  fine: 0,
  /** It ran, and something is wrong: a file that cannot be read, a promise not kept, a machine to be changed. */
  found: 1,
  /** The command line was not understood. */
  usage: 2,
  /** This machine or this user cannot do it; the message says what is missing. */
  impossible: 3,
  /** Ctrl-C. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends the program with a message for its user, and no stack. */
export class Exit extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
  ) {
    super(message)
  }
}

/** A command line that cannot be meant. */
export const usage = (message: string): Exit => new Exit(EXIT.usage, message)
