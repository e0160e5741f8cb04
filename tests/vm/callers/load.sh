#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# load.sh: loads the crash kernel with the argument vector of /usr/lib/kdump/load.sh in openSUSE's
# kdump 2.1.9.
#
# kdump is GPL-2-only. This script has its paths, options and words, and none of its lines. The
# environment can set KDUMP_CPUS, KDUMP_COMMANDLINE_APPEND and KEXEC_OPTIONS, as /etc/sysconfig/kdump
# does in openSUSE.

KEXEC=/sbin/kexec
kernel=/var/lib/kdump/kernel
initrd=/var/lib/kdump/initrd
# shellcheck source-path=SCRIPTDIR source=words.sh
. "${0%/*}/words.sh"

# remove NAME...: prints the line on stdin without these words. The blanks before a kept word stay.
remove()
{
	local rest gap word result=
	IFS= read -r rest
	while next_word; do
		is_one_of "$word" "$@" || result+=$gap$word
	done
	echo "$result"
}

# has_word LINE NAME: succeeds if LINE has the word NAME or NAME=VALUE.
has_word()
{
	local rest=$1 gap word
	while next_word; do
		! is_one_of "$word" "$2" || return 0
	done
	return 1
}

# print_command_line: prints the command line of the capture kernel. It starts with a blank if the
# first word is removed, and ends with two blanks if nothing is appended.
print_command_line()
{
	local line
	line=$(remove root resume crashkernel splash mem BOOT_IMAGE showopts zfcp.allow_lun_scan \
		hugepages acpi_no_memhotplug cgroup_disable unknown_nmi_panic rd.udev.children-max \
		< /proc/cmdline)
	line+=" sysrq=yes reset_devices acpi_no_memhotplug cgroup_disable=memory nokaslr numa=off"
	line+=" irqpoll nr_cpus=${KDUMP_CPUS:-32} root=kdump rootflags=bind rd.udev.children-max=8"
	line+="  ${KDUMP_COMMANDLINE_APPEND:-}"
	has_word "$line" panic || line+=" panic=1"
	echo "$line"
}

# The line is a string that the shell evaluates. A word in double quotes of /proc/cmdline ends the
# quotes of --append.
# shellcheck disable=SC2089
call="$KEXEC -p $kernel --append=\"$(print_command_line)\" --initrd=$initrd ${KEXEC_OPTIONS:-} -a"
eval "$call"
