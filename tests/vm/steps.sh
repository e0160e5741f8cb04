# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Functions for ./demo and ./check: steps that print one line each, installation of
# packages, builds. The caller sources this file at the top of the tree. The logs of
# all steps are written to build/log.

log_folder=build/log

# The compiler for arm64. On an arm64 machine this is the native compiler.
if [ "$(uname -m)" = aarch64 ]; then
	compiler_packages=(gcc libc6-dev)
else
	compiler_packages=(gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
fi
# shellcheck disable=SC2034 # the scripts that source this file use these lists
build_packages=("${compiler_packages[@]}" binutils make autoconf automake libtool pkg-config)
# shellcheck disable=SC2034
vm_packages=(qemu-system-arm python3 debian-archive-keyring)

# step LOG TEXT COMMAND...: runs COMMAND and prints "TEXT ... done (N s)". The output
# of COMMAND goes to build/log/LOG.log; if COMMAND fails, its last 20 lines are printed.
step()
{
	local log=$log_folder/$1.log text=$2 start=$SECONDS
	shift 2
	mkdir -p "$log_folder"
	printf '%s ... ' "$text"
	if "$@" >"$log" 2>&1 </dev/null; then
		printf 'done (%d s)\n' $((SECONDS - start))
		return 0
	fi
	printf 'FAILED\n'
	echo "The last lines of $log:"
	tail -n 20 "$log" | sed 's/^/    /'
	return 1
}

# run_as_root COMMAND...: runs COMMAND as root, with sudo if the caller is not root.
run_as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "This step needs root, and sudo is missing. Run as root: $*"
		return 1
	fi
}

# apt_install PACKAGE...: installs packages without questions.
apt_install()
{
	run_as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -q --no-install-recommends "$@"
}

# install_packages PACKAGE...: installs packages. If that fails, the package lists can be
# missing (in a container) or too old (the archive has newer files): update them and try again.
install_packages()
{
	apt_install "$@" || { run_as_root apt-get update -q && apt_install "$@"; }
}

is_installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_missing PACKAGE...: installs those packages that are not installed yet.
install_missing()
{
	local missing=() package
	for package in "$@"; do
		is_installed "$package" || missing+=("$package")
	done
	if [ ${#missing[@]} = 0 ]; then
		echo "All needed packages are installed"
		return 0
	fi
	# step hides the output, so sudo asks for the password now.
	if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then
		sudo -v || return 1
	fi
	step install "Installing ${missing[*]}" install_packages "${missing[@]}"
}

# make_configure: makes the configure script, unless it is newer than its sources.
make_configure()
{
	if [ -e config.status ]; then
		echo "The top folder of the tree is configured, so build/ cannot be configured."
		echo "Run 'make distclean' first."
		return 1
	fi
	if [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ]; then
		autoreconf -fi
	fi
}

# list_arguments FOLDER: prints the arguments of configure in FOLDER, one a line. configure adds
# host_alias itself.
list_arguments()
{
	eval "printf '%s\n' $("$1/config.status" --config)" | grep -v '^host_alias='
}

# is_configured FOLDER CONFIGURE-ARGUMENT...: succeeds if FOLDER was configured with these arguments.
# Variables such as CFLAGS in the environment count as arguments.
is_configured()
{
	local folder=$1
	shift
	[ -e "$folder/config.status" ] &&
		[ "$(list_arguments "$folder")" = "$(printf '%s\n' "$@")" ]
}

# build NAME CONFIGURE-ARGUMENT...: configures and builds the tree in build/NAME. With other arguments
# than the last time, it starts afresh.
build()
{
	local folder=build/$1
	shift
	is_configured "$folder" "$@" || rm -rf "$folder"
	mkdir -p "$folder"
	(
		cd "$folder" || exit 1
		if ! [ -e config.status ]; then
			../../configure "$@" || exit 1
		fi
		make -j"$(nproc)"
	)
}

# build_for_arm64 NAME CONFIGURE-ARGUMENT...: builds the tree for arm64 in build/NAME. The arm64
# libraries come from the folder into which tests/vm/fetch unpacked them; nothing is installed.
build_for_arm64()
{
	local name=$1 root
	shift
	root=$(tests/vm/fetch sysroot) || return 1
	build "$name" --host=aarch64-linux-gnu --enable-werror "$@" \
		PKG_CONFIG_LIBDIR="$root/usr/lib/aarch64-linux-gnu/pkgconfig" \
		CPPFLAGS="-isystem $root/usr/include -isystem $root/usr/include/aarch64-linux-gnu" \
		LDFLAGS="-L$root/usr/lib/aarch64-linux-gnu"
}

# build_arm64: builds static programs for the VMs in build/arm64.
build_arm64()
{
	build_for_arm64 arm64 --enable-static-programs
}

# build_arm64_shared: builds kexec as packages have it in build/arm64-shared: only libc and zlib
# are shared libraries. An initramfs holds this kexec.
build_arm64_shared()
{
	build_for_arm64 arm64-shared --prefix=/usr --with-static-libs --disable-crashres --disable-ima
}

# fetch_kernels NAME...: downloads kernels. Only kernel 6.1 is required; the tests of any
# other kernel that cannot be downloaded are skipped.
fetch_kernels()
{
	local name
	for name in "$@"; do
		if ! tests/vm/fetch kernel "$name" && [ "$name" = 6.1 ]; then
			return 1
		fi
	done
}
