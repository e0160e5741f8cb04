#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# unload.sh: unloads the crash kernel with the argument vector of /usr/lib/kdump/unload.sh in
# openSUSE's kdump 2.1.9. Every failure is exit status 1.
#
# kdump is GPL-2-only. This script has its options, and none of its lines.

KEXEC=/sbin/kexec

"$KEXEC" -a -p -u || exit 1
