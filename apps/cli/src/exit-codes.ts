/** Exit code that shells report for a process ended by SIGINT (Ctrl-C): 128 + the signal's number. */
export const SIGINT_EXIT_CODE = 130;
