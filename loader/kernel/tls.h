/* SPDX-License-Identifier: Apache-2.0 */
/* Probes in the TLS libraries that watched processes have loaded, or load later. */
#ifndef LOADER_KERNEL_TLS_H
#define LOADER_KERNEL_TLS_H

#include <stdint.h>
#include <sys/types.h>

struct programs;
struct tls;

struct tls *tls_new(struct programs *programs);
void tls_free(struct tls *tls);

/* Attaches to what the process has loaded and is not attached yet; says what cannot be seen. */
void tls_look(struct tls *tls, pid_t pid);

/* A library of that name has been opened: look again, soon and for a while. */
void tls_expect(struct tls *tls, pid_t pid, const char *path, uint64_t now_ns);
/* A program has begun; what it will load, it has not loaded yet. */
void tls_begun(struct tls *tls, pid_t pid, uint64_t now_ns);
void tls_ended(struct tls *tls, pid_t pid);

/* Every pass: looks where it is time to. */
void tls_pass(struct tls *tls, uint64_t now_ns);

#endif
