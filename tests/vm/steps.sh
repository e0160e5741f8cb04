# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What ./demo and ./check share: steps that say one line each, packages, builds.
# Sourced at the top of the tree. Logs go to build/log.

log_folder=build/log

# The cross compiler; on arm64 the native one goes by the same name.
if [ "$(uname -m)" = aarch64 ]; then
	compiler_packages=(gcc libc6-dev)
else
	compiler_packages=(gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
fi
# shellcheck disable=SC2034 # for those who source this
build_packages=("${compiler_packages[@]}" binutils make autoconf automake libtool pkg-config)
# shellcheck disable=SC2034
vm_packages=(qemu-system-arm python3 debian-archive-keyring)

# step LOG WHAT COMMAND...: one line on the console, all else in the log.
step()
{
	local log=$log_folder/$1.log what=$2 start=$SECONDS
	shift 2
	mkdir -p "$log_folder"
	printf '%s ... ' "$what"
	if "$@" >"$log" 2>&1 </dev/null; then
		printf 'done (%d s)\n' $((SECONDS - start))
		return 0
	fi
	printf 'FAILED\n'
	echo "$log ends with:"
	tail -n 20 "$log" | sed 's/^/    /'
	return 1
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "Not root, and there is no sudo: as root run: $*"
		return 1
	fi
}

apt_install()
{
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -q --no-install-recommends "$@"
}

# Package lists may be absent (a container) or old (a file is gone): then once more.
install_packages()
{
	apt_install "$@" || { as_root apt-get update -q && apt_install "$@"; }
}

is_installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_missing()
{
	local missing=() package
	for package in "$@"; do
		is_installed "$package" || missing+=("$package")
	done
	if [ ${#missing[@]} = 0 ]; then
		echo "Everything needed is installed"
		return 0
	fi
	# sudo asks for its password here, where it can be seen.
	if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then
		sudo -v || return 1
	fi
	step install "Installing ${missing[*]}" install_packages "${missing[@]}"
}

make_configure()
{
	if [ -e config.status ]; then
		echo "The tree is configured at its top, and then no other folder can be:"
		echo "run 'make distclean' first."
		return 1
	fi
	if [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ]; then
		autoreconf -fi
	fi
}

# build FOLDER CONFIGURE-ARGUMENT...
build()
{
	local folder=build/$1
	shift
	mkdir -p "$folder"
	(
		cd "$folder" || exit 1
		if ! [ -e config.status ]; then
			../../configure "$@" || exit 1
		fi
		make -j"$(nproc)"
	)
}

# The static kexec for the VMs, with libraries that are unpacked, not installed.
build_arm64()
{
	local root
	root=$(tests/vm/fetch sysroot) || return 1
	PKG_CONFIG_LIBDIR=$root/usr/lib/aarch64-linux-gnu/pkgconfig build arm64 \
		--host=aarch64-linux-gnu --enable-static-programs --enable-werror \
		CPPFLAGS="-isystem $root/usr/include -isystem $root/usr/include/aarch64-linux-gnu" \
		LDFLAGS="-L$root/usr/lib/aarch64-linux-gnu"
}

# fetch_kernels NAME...: only an unreachable 6.1 is a failure.
fetch_kernels()
{
	local name
	for name in "$@"; do
		if ! tests/vm/fetch kernel "$name" && [ "$name" = 6.1 ]; then
			return 1
		fi
	done
}
