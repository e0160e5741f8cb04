# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for vmcore-dmesg(8)

complete -c vmcore-dmesg -s h -l help -f -d 'Print a summary of the options'
complete -c vmcore-dmesg -s v -l version -f -d 'Print the version'
complete -c vmcore-dmesg -s o -l output -r -F -d 'Write to a file that only its owner may read'
complete -c vmcore-dmesg -l json -d 'Print a JSON object for each record'
complete -c vmcore-dmesg -l info -d "Print the kernel's VMCOREINFO"
