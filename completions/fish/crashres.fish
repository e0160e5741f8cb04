# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for crashres(8)

complete -c crashres -f
complete -c crashres -n __fish_use_subcommand -a report -d 'What purgatory found before this kernel was started'
complete -c crashres -n __fish_use_subcommand -a sign -d 'Sign a file for the kernel\'s IMA'
complete -c crashres -n __fish_use_subcommand -a verify -d 'Who signed a file, and whether the signature fits'
complete -c crashres -n __fish_use_subcommand -s v -l version -d 'Print the version'
complete -c crashres -s h -l help -d 'Print the options'
complete -c crashres -n '__fish_seen_subcommand_from report' -l json -d 'Print a JSON object'
complete -c crashres -n '__fish_seen_subcommand_from report' -l root -x -a '(__fish_complete_directories)' -d 'Read the files below this folder'
complete -c crashres -n '__fish_seen_subcommand_from sign verify' -F
complete -c crashres -n '__fish_seen_subcommand_from sign' -l key -r -F -d 'Private key: file or URI'
complete -c crashres -n '__fish_seen_subcommand_from sign verify' -l cert -r -F -d 'Certificate: file or URI'
complete -c crashres -n '__fish_seen_subcommand_from sign' -l hash -x -a 'sha256 sha384 sha512' -d 'Hash that is signed'
complete -c crashres -n '__fish_seen_subcommand_from sign' -l append -d 'Append the signature to the file'
complete -c crashres -n '__fish_seen_subcommand_from sign verify' -l sigfile -d 'The signature is in FILE.sig'
complete -c crashres -n '__fish_seen_subcommand_from sign' -s o -l output -r -F -d 'Write this file instead'
complete -c crashres -n '__fish_seen_subcommand_from sign' -l passphrase-fd -x -d 'Read the passphrase from this descriptor'
complete -c crashres -n '__fish_seen_subcommand_from verify' -l xattr -d 'Only the signature in security.ima'
complete -c crashres -n '__fish_seen_subcommand_from verify' -l appended -d 'Only the appended signature'
complete -c crashres -n '__fish_seen_subcommand_from verify' -l json -d 'Print a JSON object'
