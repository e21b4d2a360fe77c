// Exit codes of the commands, and the errors that set them.

/** The exit codes. */
export const EXIT = {
  /** Success. */
  fine: 0,
  /** The command ran and found a problem: an unreadable file, a broken promise, a machine that needs a change. */
  found: 1,
  /** The command line is invalid. */
  usage: 2,
  /** This machine or this user cannot run the command; the message says what is missing. */
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

/** An invalid command line. */
export const usage = (message: string): Exit => new Exit(EXIT.usage, message)
