# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the scripts of the Debian package kexec-tools in a made machine.

A script names its files by absolute paths, such as /etc/default/kexec. Each test runs a copy of the
script whose paths lead to files below a temporary folder. The programs kexec, mountpoint, runlevel,
systemctl and reboot of this folder write down their arguments.
"""

import itertools
import os
import re
import shutil
import subprocess

import pytest

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../packaging/debian")
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]
AWKS = [awk for awk in ("mawk", "gawk", "original-awk") if shutil.which(awk)] or ["awk"]
# A path of the machine, but not the end of a longer path.
MACHINE_PATH = re.compile(r"(?<=[ \t=>\"'(!])/(?=(etc|sys|proc|run|sbin|usr/sbin|lib/lsb|boot|no-kexec)\b)")
# A script that still had one of these paths would act on the machine that runs the tests.
DANGEROUS_PATH = re.compile(r"(?m)^\s*[^#\s].*/((sbin|init\.d)/\w|(sys|proc|run)/\w|etc/default|boot/grub|no-kexec)")

LOG_FUNCTIONS = """\
log_action_msg() { echo "action: $*"; }
log_failure_msg() { echo "failure: $*"; }
"""
# Each program prints its name and its arguments to "calls", one call in each line.
PROGRAM = """\
#!/bin/sh
{{ printf '{name}'; for a in "$@"; do printf ' <%s>' "$a"; done; echo; }} >>{root}/calls
{rest}
"""
KERNEL = "/boot/vmlinuz-6.1.0-13-arm64"
INITRD = "/boot/initrd.img-6.1.0-13-arm64"


class FakeMachine:
    """A folder with the files and programs that the scripts use."""

    def __init__(self, root):
        self.root = root
        self.environment = {"LC_ALL": "C", "LOAD_KEXEC": "true", "KERNEL_IMAGE": "/environment"}
        self.write("sys/kernel/kexec_loaded", "0\n")
        self.write("proc/cmdline", "root=/dev/vda ro\n")
        self.write("lib/lsb/init-functions", LOG_FUNCTIONS)
        self.add_program("kexec", "exit 0")
        self.add_program("reboot", "exit 0")
        self.add_program("mountpoint", "exit 1")
        self.install("kexec-load-kernel", "usr/sbin/kexec-load-kernel")
        self.install("kexec-tools.kexec.init", "etc/init.d/kexec")
        self.install("kexec-tools.kexec-load.init", "etc/init.d/kexec-load")
        self.install("coldreboot", "sbin/coldreboot")

    def write(self, name, text, mode=0o644):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)

    def add_program(self, name, rest):
        self.write(f"sbin/{name}", PROGRAM.format(name=name, root=self.root, rest=rest), 0o755)

    def install(self, source, name):
        """Copies a script and changes its paths."""
        with open(os.path.join(SOURCE, source), encoding="utf-8") as file:
            text = file.read()
        # The first line names the shell, and comments name files.
        lines = [line if line.lstrip().startswith("#") else MACHINE_PATH.sub(f"{self.root}/", line)
                 for line in text.splitlines(keepends=True)]
        # The paths of GRUB start at the root of a file system.
        text = "".join(lines).replace('"$path"', f'"{self.root}$path"')
        assert not DANGEROUS_PATH.search(re.sub(rf"{re.escape(str(self.root))}[\w/.-]*", "", text)), text
        self.write(name, text, 0o755)

    def settings(self, **values):
        values = {"LOAD_KEXEC": "true", "KERNEL_IMAGE": "/vmlinuz", "INITRD": "/initrd.img", **values}
        self.write("etc/default/kexec", "".join(f"{key}='{value}'\n" for key, value in values.items()))

    def grub(self, text, grubenv=None):
        self.write("boot/grub/grub.cfg", text)
        if grubenv is not None:
            self.write("boot/grub/grubenv", f"# GRUB Environment Block\n{grubenv}{'#' * 40}")

    def run(self, *command, shell="sh"):
        """Runs a script. Returns its status and output; the folder is "ROOT" in the output."""
        done = subprocess.run([shell, self.root / command[0], *command[1:]], text=True, check=False,
                              env={**os.environ, **self.environment}, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        return done.returncode, done.stdout.replace(str(self.root), "ROOT")

    def load(self, *arguments, shell="sh"):
        return self.run("usr/sbin/kexec-load-kernel", *arguments, shell=shell)

    def calls(self, name="kexec"):
        """Returns the calls of a program."""
        path = self.root / "calls"
        lines = path.read_text().replace(str(self.root), "ROOT").splitlines() if path.exists() else []
        return [line[len(name) + 1:] for line in lines if line.split(" ")[0] == name]


@pytest.fixture
def machine(tmp_path):
    made = FakeMachine(tmp_path)
    made.settings()
    return made


@pytest.fixture(params=AWKS)
def grub_machine(request, machine):
    """A machine with a kernel and an initrd in /boot that uses GRUB's configuration."""
    os.symlink(shutil.which(request.param), machine.root / "sbin/awk")
    machine.settings(USE_GRUB_CONFIG="true")
    machine.write(KERNEL[1:], "kernel")
    machine.write(INITRD[1:], "initrd")
    return machine


# ---------------------------------------------------------------- settings

@pytest.mark.parametrize("shell", SHELLS)
def test_the_settings_name_the_kernel(machine, shell):
    assert machine.load(shell=shell) == (0, "Loading /vmlinuz\n")
    assert machine.calls() == ["<-l> </vmlinuz> <--initrd=/initrd.img> <--append=root=/dev/vda ro>"]


@pytest.mark.parametrize("values, call", [
    ({"INITRD": ""}, "<-l> </vmlinuz> <--append=root=/dev/vda ro>"),
    ({"APPEND": "root=/dev/vdb  quiet $x *"},
     "<-l> </vmlinuz> <--initrd=/initrd.img> <--append=root=/dev/vdb  quiet $x *>"),
    ({"KERNEL_IMAGE": "/boot/my kernel"},
     "<-l> </boot/my kernel> <--initrd=/initrd.img> <--append=root=/dev/vda ro>"),
    ({"LOAD_KEXEC": "false"}, "<-l> </vmlinuz> <--initrd=/initrd.img> <--append=root=/dev/vda ro>"),
    # Without grub.cfg, the other settings are used.
    ({"USE_GRUB_CONFIG": "true"},
     "<-l> </vmlinuz> <--initrd=/initrd.img> <--append=root=/dev/vda ro>"),
])
def test_arguments_of_kexec(machine, values, call):
    machine.settings(**values)
    assert machine.load()[0] == 0
    assert machine.calls() == [call]


def test_later_settings_replace_earlier_ones(machine):
    machine.write("etc/default/kexec.d/10-kernel", "KERNEL_IMAGE=/first\nAPPEND=first\n")
    machine.write("etc/default/kexec.d/20-kernel", "KERNEL_IMAGE=/second\n")
    machine.write("etc/default/kexec.d/30-kernel.dpkg-old", "KERNEL_IMAGE=/third\n")
    assert machine.load() == (0, "Loading /second\n")
    assert machine.calls() == ["<-l> </second> <--initrd=/initrd.img> <--append=first>"]


def test_the_environment_sets_nothing(machine):
    machine.write("etc/default/kexec", "")
    assert machine.load() == (1, "kexec-load-kernel: ROOT/etc/default/kexec has no KERNEL_IMAGE\n")
    assert machine.load("--if-enabled") == (0, "")
    assert machine.calls() == []


def test_dry_run_prints_a_command_of_the_shell(machine):
    machine.settings(APPEND='a="b c" $d')
    machine.write("sys/kernel/kexec_loaded", "1\n")
    status, output = machine.load("--dry-run")
    assert (status, output) == (
        0, "ROOT/sbin/kexec '-l' '/vmlinuz' '--initrd=/initrd.img' '--append=a=\"b c\" $d'\n")
    assert machine.calls() == []
    machine.write("etc/default/kexec", "KERNEL_IMAGE=\"/a'b\"\n")
    assert machine.load("--dry-run") == (
        0, "ROOT/sbin/kexec '-l' '/a'\\''b' '--append=root=/dev/vda ro'\n")


def test_wrong_arguments(machine):
    status, output = machine.load("--bogus")
    assert (status, output.splitlines()[-1]) == (1, 'kexec-load-kernel: unknown argument "--bogus"')
    status, output = machine.load("--help")
    assert (status, output.splitlines()[0]) == (0, "Usage: kexec-load-kernel [--dry-run] [--if-enabled]")
    assert machine.calls() == []


def test_a_failed_load(machine):
    machine.add_program("kexec", "echo 'kexec: no reason' >&2; exit 255")
    assert machine.load() == (
        1, "Loading /vmlinuz\nkexec: no reason\nkexec-load-kernel: kexec failed\n")


# ---------------------------------------------------------------- when nothing is loaded

def test_a_loaded_kernel_stays(machine):
    machine.write("sys/kernel/kexec_loaded", "1\n")
    assert machine.load() == (0, "A kernel is already loaded\n")
    assert machine.calls() == []


def test_coldreboot_prevents_one_load(machine):
    assert machine.run("sbin/coldreboot", "-f", "a b") == (0, "")
    assert machine.calls("reboot") == ["<-f> <a b>"]
    assert machine.load() == (0, "ROOT/no-kexec-reboot exists: no kernel is loaded\n")
    assert machine.calls() == []
    assert machine.load() == (0, "Loading /vmlinuz\n")
    assert len(machine.calls()) == 1


def test_coldreboot_makes_systemd_use_the_firmware(machine):
    """systemctl 254 and later starts a loaded kernel unless this variable is set."""
    machine.add_program("reboot", 'echo "skip $SYSTEMCTL_SKIP_AUTO_KEXEC"')
    assert machine.run("sbin/coldreboot") == (0, "skip 1\n")


@pytest.mark.parametrize("value, is_loaded", [
    ("true", True), ("1", True), ("false", False), ("0", False), ("", False), ("yes", False)])
def test_if_enabled(machine, value, is_loaded):
    machine.settings(LOAD_KEXEC=value)
    assert machine.load("--if-enabled") == (0, "Loading /vmlinuz\n" if is_loaded else "")
    assert len(machine.calls()) == is_loaded


# ---------------------------------------------------------------- init scripts

def set_runlevel(machine, text):
    machine.add_program("runlevel", f"echo '{text}'")


def set_systemd_job(machine, target):
    (machine.root / "run/systemd/system").mkdir(parents=True)
    job = f"1 {target} start waiting" if target else "No jobs running."
    machine.add_program("systemctl", f"""case "$*" in
        "list-jobs reboot.target") echo "{job if target in ('', 'reboot.target') else 'No jobs listed.'}" ;;
        *) exit 9 ;;
    esac""")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_reboot_loads_a_kernel(machine, shell):
    set_runlevel(machine, "2 6")
    assert machine.run("etc/init.d/kexec-load", "stop", shell=shell) == (0, "Loading /vmlinuz\n")
    assert machine.calls() == ["<-l> </vmlinuz> <--initrd=/initrd.img> <--append=root=/dev/vda ro>"]


def test_a_reboot_under_systemd_loads_a_kernel(machine):
    set_systemd_job(machine, "reboot.target")
    set_runlevel(machine, "N 5")
    assert machine.run("etc/init.d/kexec-load", "stop") == (0, "Loading /vmlinuz\n")
    assert len(machine.calls()) == 1


@pytest.mark.parametrize("text", ["2 0", "N 2", "2 1", "6 2", "unknown", ""])
def test_other_runlevels_load_nothing(machine, text):
    set_runlevel(machine, text)
    assert machine.run("etc/init.d/kexec-load", "stop") == (0, "")
    assert machine.calls() == []


@pytest.mark.parametrize("target", ["poweroff.target", "kexec.target", "rescue.target", ""])
def test_other_jobs_of_systemd_load_nothing(machine, target):
    set_systemd_job(machine, target)
    set_runlevel(machine, "2 6")
    assert machine.run("etc/init.d/kexec-load", "stop") == (0, "")
    assert machine.calls() == []


def test_an_unknown_init_system_loads_nothing(machine):
    assert machine.run("etc/init.d/kexec-load", "stop") == (0, "")
    assert machine.calls() == []


def test_a_reboot_loads_nothing_without_the_setting(machine):
    machine.settings(LOAD_KEXEC="false")
    set_runlevel(machine, "2 6")
    assert machine.run("etc/init.d/kexec-load", "stop") == (0, "")
    assert machine.calls() == []


def test_a_failed_load_does_not_stop_the_reboot(machine):
    set_runlevel(machine, "2 6")
    machine.add_program("kexec", "exit 255")
    assert machine.run("etc/init.d/kexec-load", "stop") == (
        0, "Loading /vmlinuz\nkexec-load-kernel: kexec failed\n"
           "failure: No kernel is loaded: the firmware starts the machine\n")


def test_a_loaded_kernel_is_started(machine):
    machine.write("sys/kernel/kexec_loaded", "1\n")
    assert machine.run("etc/init.d/kexec", "stop") == (
        0, "action: Starting the loaded kernel\nfailure: kexec failed\n")
    assert machine.calls() == ["<-e>"]


@pytest.mark.parametrize("text", ["0\n", None])
def test_no_loaded_kernel(machine, text):
    if text:
        machine.write("sys/kernel/kexec_loaded", text)
    else:
        (machine.root / "sys/kernel/kexec_loaded").unlink()
    assert machine.run("etc/init.d/kexec", "stop") == (0, "")
    assert machine.calls() == []


def test_scripts_of_a_removed_package(machine):
    """dpkg keeps the init scripts until a purge."""
    machine.write("sys/kernel/kexec_loaded", "1\n")
    set_runlevel(machine, "2 6")
    for name in ("sbin/kexec", "usr/sbin/kexec-load-kernel", "etc/default/kexec"):
        (machine.root / name).unlink()
    for name in ("kexec", "kexec-load"):
        assert machine.run(f"etc/init.d/{name}", "stop") == (0, "")


@pytest.mark.parametrize("name", ["kexec", "kexec-load"])
def test_other_actions(machine, name):
    machine.write("sys/kernel/kexec_loaded", "1\n" if name == "kexec" else "0\n")
    set_runlevel(machine, "2 6")
    assert machine.run(f"etc/init.d/{name}", "start") == (0, "")
    for action in ("restart", "reload", "force-reload"):
        assert machine.run(f"etc/init.d/{name}", action) == (
            0, f"ROOT/etc/init.d/{name}: {action} has no effect\n")
    usage = f"Usage: ROOT/etc/init.d/{name} {{start|stop|restart|reload|force-reload}}\n"
    assert machine.run(f"etc/init.d/{name}") == (3, usage)
    assert machine.run(f"etc/init.d/{name}", "bogus") == (3, usage)
    assert machine.calls() == []


# ---------------------------------------------------------------- GRUB

# As grub-mkconfig of Debian 12 writes it, shortened.
DEBIAN = """\
### BEGIN /etc/grub.d/00_header ###
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="DEFAULT"
fi

if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi
export menuentry_id_option

if [ "${prev_saved_entry}" ]; then
  set saved_entry="${prev_saved_entry}"
  save_env saved_entry
  set prev_saved_entry=
  save_env prev_saved_entry
  set boot_once=true
fi

function savedefault {
  if [ -z "${boot_once}" ]; then
    saved_entry="${chosen}"
    save_env saved_entry
  fi
}
function load_video {
  if [ x$feature_all_video_module = xy ]; then
    insmod all_video
  else
    insmod efi_gop
  fi
}
if [ x$feature_default_font_path = xy ] ; then
   font=unicode
else
   font="/usr/share/grub/unicode.pf2"
fi
if loadfont $font ; then
  set gfxmode=auto
fi
### BEGIN /etc/grub.d/10_linux ###
menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option 'gnulinux-simple-abc' {
	load_video
	if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
	if [ x$feature_platform_search_hint = xy ]; then
	  search --no-floppy --fs-uuid --set=root --hint-efi=hd0,gpt2  abc
	else
	  search --no-floppy --fs-uuid --set=root abc
	fi
	echo	'Loading Linux 6.1.0-13-arm64 ...'
	linux	/boot/vmlinuz-6.1.0-13-arm64 root=UUID=abc ro  quiet
	echo	'Loading initial ramdisk ...'
	initrd	/boot/initrd.img-6.1.0-13-arm64
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-abc' {
	menuentry 'Debian GNU/Linux, with Linux 6.1.0-13-arm64' --class os $menuentry_id_option 'new-abc' {
		linux	/boot/vmlinuz-6.1.0-13-arm64 root=UUID=abc ro  advanced
		initrd	/boot/initrd.img-6.1.0-13-arm64
	}
	menuentry 'Debian GNU/Linux, with Linux 6.1.0-13-arm64 (recovery mode)' $menuentry_id_option 'rec-abc' {
		linux	/boot/vmlinuz-6.1.0-13-arm64 root=UUID=abc ro single
		initrd	/boot/initrd.img-6.1.0-13-arm64
	}
}
### BEGIN /etc/grub.d/30_uefi-firmware ###
if [ "$grub_platform" = "efi" ]; then
	fwsetup --is-supported
	if [ "$?" = 0 ]; then
		menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
			fwsetup
		}
	fi
fi
### BEGIN /etc/grub.d/41_custom ###
if [ -f  ${config_directory}/custom.cfg ]; then
  source ${config_directory}/custom.cfg
elif [ -z "${config_directory}" -a -f  $prefix/custom.cfg ]; then
  source $prefix/custom.cfg
fi
"""
CUSTOM = "menuentry \"Custom > 1\" { linux /boot/vmlinuz-6.1.0-13-arm64 custom }\n"


def loaded(append, initrd=True):
    """Returns the call of kexec that loads the kernel of these tests."""
    middle = f" <--initrd=ROOT{INITRD}>" if initrd else ""
    return [f"<-l> <ROOT{KERNEL}>{middle} <--append={append}>"]


@pytest.mark.parametrize("default, append", [
    ("0", "root=UUID=abc ro quiet"),
    ("", "root=UUID=abc ro quiet"),
    ("99", "root=UUID=abc ro quiet"),
    ("No such title", "root=UUID=abc ro quiet"),
    ("Debian GNU/Linux", "root=UUID=abc ro quiet"),
    ("gnulinux-simple-abc", "root=UUID=abc ro quiet"),
    ("1", "root=UUID=abc ro advanced"),
    ("1>1", "root=UUID=abc ro single"),
    ("1>7", "root=UUID=abc ro advanced"),
    ("gnulinux-advanced-abc>rec-abc", "root=UUID=abc ro single"),
    ("Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.1.0-13-arm64",
     "root=UUID=abc ro advanced"),
    ("${saved_entry}", "root=UUID=abc ro single"),
])
def test_default_entry(grub_machine, default, append):
    grub_machine.grub(DEBIAN.replace("DEFAULT", default),
                      "saved_entry=gnulinux-advanced-abc>rec-abc\n")
    assert grub_machine.load() == (0, f"Loading ROOT{KERNEL}\n")
    assert grub_machine.calls() == loaded(append)


def test_entries_of_another_file(grub_machine):
    grub_machine.grub(DEBIAN.replace("DEFAULT", "Custom >> 1"))
    grub_machine.write("boot/grub/custom.cfg", CUSTOM)
    assert grub_machine.load() == (0, f"Loading ROOT{KERNEL}\n")
    assert grub_machine.calls() == loaded("custom", initrd=False)


def test_a_previous_entry_replaces_the_saved_one(grub_machine):
    grub_machine.grub(DEBIAN.replace("DEFAULT", "${saved_entry}"),
                      "saved_entry=0\nprev_saved_entry=1>1\n")
    # grub.cfg sets the default before it restores the saved entry.
    assert grub_machine.load()[0] == 0
    assert grub_machine.calls() == loaded("root=UUID=abc ro quiet")


def test_an_entry_for_one_boot_is_left_to_grub(grub_machine):
    grub_machine.grub(DEBIAN.replace("DEFAULT", "0"), "next_entry=1>1\n")
    assert grub_machine.load() == (
        1, "kexec-load-kernel: ROOT/boot/grub/grub.cfg: GRUB has an entry for the next boot only, "
           "which only a reboot by the firmware ends\n")
    assert grub_machine.calls() == []
    grub_machine.grub(DEBIAN.replace("DEFAULT", "0"), "next_entry=\n")
    assert grub_machine.load()[0] == 0


def entry(body, before=""):
    return f"{before}\nmenuentry 'x' {{\n{body}\n}}\n"


LINUX = f"linux {KERNEL}"


@pytest.mark.parametrize("text, append", [
    (entry(f"{LINUX} a=\"b c\" 'd\"e' f\\ g"), 'a="b c" d\\"e "f g"'.replace('a="b c"', '"a=b c"')),
    (entry(f"{LINUX} 'a\\b' \"$unset\" it\\'s"), "a\\\\b  it\\'s"),
    (entry(f"{LINUX} $options \"$options\"", "options='ro  quiet'"), 'ro quiet "ro  quiet"'),
    (entry(f"{LINUX} ${{a}}b $a-c $", "set a=1"), "1b 1-c $"),
    (entry(f"{LINUX} one \\\n two # three"), "one two"),
    (entry(f"linux (hd0,gpt2){KERNEL} device"), "device"),
    (entry(f"linux ($root){KERNEL} device", "set root=hd0,gpt2"), "device"),
    (entry(f"linuxefi {KERNEL} efi"), "efi"),
    (entry(f"{LINUX} `touch x` $(touch x) ; {LINUX} ok"), "ok"),
    (entry(f"{LINUX} `id` $(id) *"), "`id` $(id) *"),
    (entry(f"{LINUX} first\ninitrd /boot/missing\n{LINUX} last"), "last"),
    # The first brace belongs to the function.
    (entry(f"add\n{LINUX} $more", "function add {\n set more=function\n}"), "function"),
    (entry(LINUX), ""),
    (f"menuentry x --id=y {{\n{LINUX} id\n}}\nmenuentry z {{\n}}\nset default=y\n", "id"),
    (f"menuentry x --hotkey 1 --users a --unrestricted {{ {LINUX} options ; }}\nset default=x", "options"),
    # Loops do not run.
    (f"for i in 1 2; do\nmenuentry $i {{\nlinux /$i\n}}\ndone\n{entry(LINUX + ' after')}", "after"),
    (f"while true; do\nif x; then y; fi\ndone\n{entry(LINUX + ' after')}", "after"),
    ("\n".join(f"set x{i}={i}" for i in range(5000)) + entry(f"{LINUX} $x4999"), "4999"),
], ids=itertools.count())
def test_language(grub_machine, text, append):
    grub_machine.grub(text)
    assert grub_machine.load() == (0, f"Loading ROOT{KERNEL}\n")
    assert grub_machine.calls() == loaded(append, initrd=False)
    assert not os.path.exists("x")


@pytest.mark.parametrize("condition, is_true", [
    ("true", True), ("false", False), ("! false", True), ("unknown --command", True),
    ("[ a = a ]", True), ("[ a == b ]", False), ("[ a != b ]", True), ("test a = a", True),
    ("[ 2 -lt 10 ]", True), ("[ 2 -gt 10 ]", False), ("[ 3 -eq 03 ]", True), ("[ 3 -ne 3 ]", False),
    ("[ 3 -le 3 ]", True), ("[ 3 -ge 4 ]", False),
    ("[ -n \"\" ]", False), ("[ -z \"$unset\" ]", True), ("[ \"\" ]", False), ("[ text ]", True),
    ("[ ! text ]", False), ("[ a -a \"\" ]", False), ("[ \"\" -o b ]", True),
    ("[ \"\" -a a -o b ]", True), ("[ -z = -z ]", True), ("[ $unset = 1 ]", False), ("[ ]", False),
    ("[ a = a", False), ("[ -e $prefix/grub.cfg ]", True), ("[ -e $prefix/missing ]", False),
    ("[ -s $prefix/empty ]", False), ("[ -f ($root)$prefix/empty ]", True), ("[ -e /etc/passwd ]", False),
    ("[ -d $prefix ]", False),
    ("false; true", True), ("set a=1; [ $a = 1 ]", True), ("false; [ $? = 1 ]", True),
    ("if false; then true; else false; fi", False),
])
def test_conditions(grub_machine, condition, is_true):
    grub_machine.write("boot/grub/empty", "")
    grub_machine.grub(entry(f"if {condition}; then {LINUX} yes\nelif false; then {LINUX} never\n"
                            f"else if true; then {LINUX} no; fi; fi"))
    assert grub_machine.load()[0] == 0
    assert grub_machine.calls() == loaded("yes" if is_true else "no", initrd=False)


@pytest.mark.parametrize("text, reason", [
    ("", "no menu entry"),
    ("\0\0\377", "no menu entry"),
    ("set default=0\n", "no menu entry"),
    ("submenu x { }", "no menu entry"),
    (entry("chainloader /efi/boot"), 'the entry "x" has no command "linux"'),
    (entry("linux"), '"linux" names no kernel'),
    (entry("linux /boot/missing"), "no file /boot/missing"),
    (entry("linux boot/vmlinuz"), "no file boot/vmlinuz"),
    (entry("linux /boot"), "no file /boot"),
    (entry(f"{LINUX}\ninitrd /boot/missing"), "no file /boot/missing"),
    (entry(f"{LINUX}\ninitrd {INITRD} {INITRD}"), "the entry has several initrds, and kexec loads one"),
    (entry(f"{LINUX} 'a\nb'"), "a path or an argument holds a newline"),
    ("menuentry 'x {", "a quote is not closed"),
    (entry(f"{LINUX} \"a"), "a quote is not closed"),
    ("menuentry x {\n" + LINUX, "a brace is not closed"),
    ("function x\n", "a brace is not closed"),
    ("if true; then\n" + entry(LINUX), '"if" is not closed'),
    ("if true\n" + entry(LINUX), '"if" is not closed'),
    ("while true; do\n" + entry(LINUX), '"do" is not closed'),
    ("function x { x\n}\nx\n" + entry(LINUX), "commands are nested more than 50 deep"),
    ("source $prefix/grub.cfg\n" + entry(LINUX), "commands are nested more than 50 deep"),
    ("function a { \n}\n" + "".join(f"function {new} {{ {old}; {old}\n}}\n" for old, new in
                                   zip("abcdefghijklmnopqrs", "bcdefghijklmnopqrst")) + "t\n",
     "more than 100000 commands"),
    ("if true; then " * 100, '"if" is not closed'),
    ("if true; then " * 100 + "fi; " * 100, "commands are nested more than 50 deep"),
], ids=itertools.count())
def test_broken_configurations_load_nothing(grub_machine, text, reason):
    grub_machine.grub(text)
    assert grub_machine.load() == (1, f"kexec-load-kernel: ROOT/boot/grub/grub.cfg: {reason}\n")
    assert grub_machine.calls() == []


def test_an_unreadable_configuration(grub_machine):
    """mawk ends if it reads a folder. gawk reports an error."""
    (grub_machine.root / "boot/grub/grub.cfg").mkdir(parents=True)
    status, output = grub_machine.load()
    is_mawk = os.readlink(grub_machine.root / "sbin/awk").endswith("mawk")
    reason = "the interpreter failed" if is_mawk else "the file cannot be read"
    assert (status, output.splitlines()[-1]) == (
        1, f"kexec-load-kernel: ROOT/boot/grub/grub.cfg: {reason}")
    assert grub_machine.calls() == []


@pytest.mark.parametrize("path, is_mounted, file", [
    ("/vmlinuz", True, "boot/vmlinuz"),       # a partition for /boot
    ("/vmlinuz", False, "vmlinuz"),           # no such partition
    ("/@/boot/vmlinuz", False, "boot/vmlinuz"),         # a subvolume of btrfs
    ("/ROOT/debian@/boot/vmlinuz", False, "boot/vmlinuz"),    # a data set of ZFS
    ("/my kernel", True, "boot/my kernel"),
])
def test_places_of_the_kernel(grub_machine, path, is_mounted, file):
    grub_machine.write("boot/vmlinuz", "of /boot")
    grub_machine.write("vmlinuz", "of /")
    grub_machine.write("boot/my kernel", "with a space")
    grub_machine.add_program("mountpoint", f"exit {0 if is_mounted else 1}")
    grub_machine.grub(entry(f"linux '{path}' ro"))
    assert grub_machine.load() == (0, f"Loading ROOT/{file}\n")
    assert grub_machine.calls() == [f"<-l> <ROOT/{file}> <--append=ro>"]
    assert grub_machine.calls("mountpoint") == ["<-q> <ROOT/boot>"]


@pytest.mark.parametrize("shell", SHELLS)
def test_grub_in_each_shell(grub_machine, shell):
    grub_machine.grub(DEBIAN.replace("DEFAULT", "0"))
    assert grub_machine.load("--dry-run", shell=shell) == (
        0, f"ROOT/sbin/kexec '-l' 'ROOT{KERNEL}' '--initrd=ROOT{INITRD}' "
           "'--append=root=UUID=abc ro quiet'\n")
