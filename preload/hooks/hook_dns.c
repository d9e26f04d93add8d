/* SPDX-License-Identifier: Apache-2.0 */
/* Name lookup. The name asked for travels as a tail. */
#include "preload/hooks/hook.h"

static void lookup_leave(const struct rt_call *call, const char *name, __s64 result)
{
	struct rt_bytes tail;

	call_leave_tail(call, 0, result, name ? text_tail(&tail, RT_TAIL_HOST, name) : NULL);
}

/* outcome: an expression of `result`; the EAI_ numbers are negative as they are */
#define LOOKUP(event, type, name, params, args, outcome)                 \
	static NOINLINE type record_##name params                        \
	{                                                                \
		struct rt_call call;                                     \
		type result;                                             \
                                                                         \
		if (!call_enter(&call, RT_EV_##event, RT_FAMILY_dns, 0)) \
			return real_##name args;                         \
		result = real_##name args;                               \
		lookup_leave(&call, host, (outcome));                    \
		return result;                                           \
	}                                                                \
	ENTRY(type, name, params, args)

LOOKUP(getaddrinfo, int, getaddrinfo,
	(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **list),
	(host, service, hints, list), result)
LOOKUP(gethostbyname, struct hostent *, gethostbyname, (const char *host), (host),
	result ? 0 : EAI_NONAME)
LOOKUP(gethostbyname, struct hostent *, gethostbyname2, (const char *host, int domain),
	(host, domain), result ? 0 : EAI_NONAME)
LOOKUP(gethostbyname, int, gethostbyname_r,
	(const char *host, struct hostent *entry, char *data, size_t size, struct hostent **found,
		int *error),
	(host, entry, data, size, found, error), -(__s64)result)
LOOKUP(gethostbyname, int, gethostbyname2_r,
	(const char *host, int domain, struct hostent *entry, char *data, size_t size,
		struct hostent **found, int *error),
	(host, domain, entry, data, size, found, error), -(__s64)result)

/* From addresses to names. */
RECORD_AS(dns, getnameinfo, struct hostent *, gethostbyaddr,
	(const void *address, socklen_t length, int domain), (address, length, domain), 0,
	result ? 0 : EAI_NONAME)
RECORD_AS(dns, getnameinfo, int, getnameinfo,
	(const struct sockaddr *address, socklen_t length, char *host, socklen_t host_size,
		char *service, socklen_t service_size, int flags),
	(address, length, host, host_size, service, service_size, flags), 0, result)
