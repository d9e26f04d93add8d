/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/target/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/log.h"
#include "loader/target/procfs.h"

bool has_capability(unsigned number)
{
	uint64_t bits;

	return procfs_status(getpid(), "CapEff", 16, &bits) && bits >> number & 1;
}

static uint64_t bit(unsigned number)
{
	return 1ull << number;
}

void rights_reduce(bool admin)
{
	const uint64_t keep = bit(CAPABILITY_CHOWN) | bit(CAPABILITY_DAC_OVERRIDE) |
		bit(CAPABILITY_DAC_READ_SEARCH) | bit(CAPABILITY_FOWNER) | bit(CAPABILITY_KILL) |
		bit(CAPABILITY_SYS_PTRACE) | bit(CAPABILITY_SYSLOG) | bit(CAPABILITY_PERFMON) |
		bit(CAPABILITY_BPF) | (admin ? bit(CAPABILITY_SYS_ADMIN) : 0);
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective &= (uint32_t)(keep >> 32 * i);
		data[i].permitted &= (uint32_t)(keep >> 32 * i);
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, data))
		log_debug("rights cannot be given up: %s", strerror(errno));
}

const char *rights_bpf_obstacle(void)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return "the kernel does not tell its types (/sys/kernel/btf/vmlinux): use one built with "
		       "CONFIG_DEBUG_INFO_BTF=y";
	if (has_capability(CAPABILITY_SYS_ADMIN))
		return NULL;
	if (!has_capability(CAPABILITY_BPF))
		return "CAP_BPF is missing: run as root, or once 'setcap cap_bpf,cap_perfmon,"
		       "cap_sys_ptrace+ep' on this program";
	if (!has_capability(CAPABILITY_PERFMON))
		return "CAP_PERFMON is missing: run as root, or once 'setcap cap_bpf,cap_perfmon,"
		       "cap_sys_ptrace+ep' on this program";
	return NULL;
}
