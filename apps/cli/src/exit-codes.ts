/** What a shell reports for a process that Ctrl-C has ended: 128 and the number of the signal. */
export const SIGINT_EXIT_CODE = 130;
