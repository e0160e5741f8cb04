# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for crashres(8)

complete -c crashres -f
complete -c crashres -n __fish_use_subcommand -a report -d 'What purgatory found before this kernel was started'
complete -c crashres -n __fish_use_subcommand -s v -l version -d 'Print the version'
complete -c crashres -s h -l help -d 'Print the options'
complete -c crashres -n '__fish_seen_subcommand_from report' -l json -d 'Print a JSON object'
complete -c crashres -n '__fish_seen_subcommand_from report' -l root -x -a '(__fish_complete_directories)' -d 'Read the files below this folder'
