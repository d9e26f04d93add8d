/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/traits.h"

#include "lib/words.h"
#include "wire/ring.h"

struct trait traits[TRAITS];
const struct trait trait_function = {.span_kind = RT_SPAN_call, .arg = RT_ARG_none};
const struct trait trait_unknown = {
	.flags = TRAIT_UNKNOWN, .span_kind = RT_SPAN_call, .arg = RT_ARG_none};

static const uint16_t row_kinds[] = {RT_EV_open, RT_EV_fopen, RT_EV_connect, RT_EV_accept,
	RT_EV_listen, RT_EV_getaddrinfo, RT_EV_gethostbyname, RT_EV_getnameinfo,
	RT_EV_SSL_do_handshake, RT_EV_SSL_connect, RT_EV_SSL_accept, RT_EV_gnutls_handshake,
	RT_EV_exec, RT_EV_fork, RT_EV_vfork, RT_EV_spawn, RT_EV_clone, RT_EV_system, RT_EV_wait,
	RT_EV_dlopen, RT_EV_thread_create, RT_EV_thread_join, RT_EV_tls_peer, 0};

static const uint16_t byte_kinds[] = {RT_EV_read, RT_EV_pread, RT_EV_readv, RT_EV_preadv,
	RT_EV_write, RT_EV_pwrite, RT_EV_writev, RT_EV_pwritev, RT_EV_mmap, RT_EV_sendfile,
	RT_EV_splice, RT_EV_copy_file_range, RT_EV_fread, RT_EV_fwrite, RT_EV_send, RT_EV_sendto,
	RT_EV_sendmsg, RT_EV_recv, RT_EV_recvfrom, RT_EV_recvmsg, RT_EV_SSL_read, RT_EV_SSL_write,
	RT_EV_gnutls_record_recv, RT_EV_gnutls_record_send, RT_EV_allocation, 0};

static const uint16_t making_kinds[] = {RT_EV_open, RT_EV_fopen, RT_EV_socket, RT_EV_connect,
	RT_EV_eventfd, RT_EV_epoll_create, RT_EV_pipe, RT_EV_socketpair, RT_EV_bind, RT_EV_listen,
	RT_EV_SSL_set_fd, RT_EV_tls_socket, RT_EV_descriptor, 0};

static const uint16_t changing_kinds[] = {RT_EV_open, RT_EV_fopen, RT_EV_socket, RT_EV_connect,
	RT_EV_eventfd, RT_EV_epoll_create, RT_EV_pipe, RT_EV_socketpair, RT_EV_bind, RT_EV_listen,
	RT_EV_accept, RT_EV_dup, RT_EV_close, RT_EV_fclose, RT_EV_SSL_set_fd, RT_EV_tls_socket,
	RT_EV_SSL_free, RT_EV_gnutls_deinit, RT_EV_descriptor, 0};

static const uint16_t line_kinds[] = {RT_EV_getaddrinfo, RT_EV_gethostbyname, RT_EV_connect,
	RT_EV_close, RT_EV_poll, RT_EV_read, RT_EV_readv, RT_EV_write, RT_EV_writev, RT_EV_send,
	RT_EV_sendto, RT_EV_sendmsg, RT_EV_recv, RT_EV_recvfrom, RT_EV_recvmsg,
	RT_EV_SSL_do_handshake, RT_EV_SSL_connect, RT_EV_SSL_accept, RT_EV_SSL_free,
	RT_EV_gnutls_handshake, RT_EV_gnutls_deinit, RT_EV_tls_peer, 0};

static uint8_t span_kind_of(uint32_t family)
{
	switch (family) {
	case RT_FAMILY_file:
	case RT_FAMILY_socket:
	case RT_FAMILY_tls:
		return RT_SPAN_io;
	case RT_FAMILY_dns:
	case RT_FAMILY_wait:
		return RT_SPAN_wait;
	case RT_FAMILY_lock:
		return RT_SPAN_lock;
	case RT_FAMILY_dl:
		return RT_SPAN_load;
	default:
		return RT_SPAN_call;
	}
}

static void set_flag(const uint16_t *kinds, uint8_t flag)
{
	for (; *kinds; kinds++)
		traits[*kinds].flags |= flag;
}

void traits_init(void)
{
	for (uint32_t kind = 0; kind < TRAITS; kind++) {
		const struct event_info *info = event_info(kind);

		traits[kind] = trait_unknown;
		if (!info)
			continue;
		traits[kind] = (struct trait){
			.flags = rt_is_mark(kind) ? TRAIT_MARK : 0,
			.arg = info->arg,
			.span_kind = span_kind_of(info->family),
		};
	}
	set_flag(row_kinds, TRAIT_ROW);
	set_flag(byte_kinds, TRAIT_BYTES);
	set_flag(making_kinds, TRAIT_MAKES);
	set_flag(changing_kinds, TRAIT_CHANGES);
	set_flag(line_kinds, TRAIT_LINE);
}
