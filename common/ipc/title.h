/*
 * What `ps` shows. The text is written where the kernel keeps the arguments and the environment, which
 * moves to private memory for that. One title for each process, as there is one argv.
 */
#ifndef TANDEM_IPC_TITLE_H
#define TANDEM_IPC_TITLE_H

/* Once, first thing in main. fatal() without memory. argv[i] must not be used later. */
void title_init(int argc, char **argv);
/* printf style; cut to the room there is. Nothing happens before title_init. */
void title_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
