/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/target/rights.h"

#include <stdio.h>
#include <unistd.h>

#include "loader/target/procfs.h"

bool has_capability(unsigned number)
{
	uint64_t bits;

	return procfs_status(getpid(), "CapEff", 16, &bits) && bits >> number & 1;
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
