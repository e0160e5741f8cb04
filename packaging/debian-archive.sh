# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# debian-archive.sh: finds the Debian archive that apt of this machine uses, and the settings of apt
# that other systems need for it. A script sources it.

# find_archive: prints the Debian archive of this machine's own release, in the form
# "URI [signed-by=KEYRING]". It reads both formats of /etc/apt/sources.list.d.
find_archive()
{
	local codename
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	{ cat /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } | awk -v suite="$codename" '
		function flush() {
			if (uri != "" && index(" " suites " ", " " suite " ") &&
			    types ~ /deb/ && components ~ /main/ && !done) {
				print uri, (keyring != "" ? "[signed-by=" keyring "]" : "")
				done = 1
			}
			uri = suites = keyring = types = components = ""
		}
		/^[ \t]*$/ { flush(); next }
		/^Types:/ { types = $0 }
		/^Components:/ { components = $0 }
		/^URIs:/ { uri = $2 }
		/^Suites:/ { sub(/^Suites:[ \t]*/, ""); suites = $0 }
		/^Signed-By:/ && $2 ~ /^\// { keyring = $2 }
		END { flush() }'
	{ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } | awk -v suite="$codename" '
		$1 == "deb" {
			sub(/\[[^]]*\]/, "")
			if ($3 == suite && / main( |$)/ && !done) { print $2, ""; done = 1 }
		}'
}

# source_line SUITE: prints the line of sources.list for a suite of this archive.
source_line()
{
	local archive
	archive=$(find_archive | head -n 1)
	if [ -z "$archive" ]; then
		echo "no Debian archive for this release in /etc/apt" >&2
		return 1
	fi
	echo "deb ${archive#* } ${archive%% *} $1 main"
}

# mmdebstrap_options: prints options of mmdebstrap that repeat this machine's settings of apt which
# decide whether an archive can be reached and believed.
mmdebstrap_options()
{
	apt-config dump | sed -n -E \
		-e "s/^(Acquire::(https?::Proxy|Check-Valid-Until|Check-Date)) (\".*\");$/--aptopt=\1 \3;/p"
	echo '--aptopt=Acquire::Retries "3";'
}
