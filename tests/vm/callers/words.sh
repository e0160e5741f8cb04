# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# words.sh: splits the command line of the running kernel into words. The scripts of this folder
# source it.

# next_word: moves the first word of the variable rest to the variable word, and the blanks before
# it to the variable gap. A part in double quotes belongs to one word. Fails if no word is left.
# shellcheck disable=SC2034 # the caller uses gap and word
next_word()
{
	[[ $rest =~ ^([[:space:]]*)(([^\"[:space:]]|\"[^\"]*\"?)+)(.*)$ ]] || return 1
	gap=${BASH_REMATCH[1]}
	word=${BASH_REMATCH[2]}
	rest=${BASH_REMATCH[4]}
}

# is_one_of WORD NAME...: succeeds if WORD is NAME or NAME=VALUE. Quotes do not count.
is_one_of()
{
	local plain=${1//\"/} name
	shift
	for name in "$@"; do
		[[ $plain != "$name" && $plain != "$name="* ]] || return 0
	done
	return 1
}
