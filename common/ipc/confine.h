/*
 * For a process that reads the network: from here on the kernel takes from it only what it has to do.
 * No file is opened for writing, nothing is executed, no process is looked at; anything else kills
 * the process, and the supervisor says so in the log.
 */
#ifndef TANDEM_IPC_CONFINE_H
#define TANDEM_IPC_CONFINE_H

/* Allows connecting and talking on sockets, reading files, memory, time and the own end; and these
 * further system calls (SCMP_SYS numbers). Once, after the start; fatal() when the kernel refuses.
 * Under AddressSanitizer, which needs more than that, it does nothing. */
void confine(const char *who, const int *further, unsigned n);
/* Its first half: files other than the system's and the roots of certificates cannot be opened any more. A
 * kernel without Landlock is told of in the log. */
void confine_paths(const char *who);

#endif
