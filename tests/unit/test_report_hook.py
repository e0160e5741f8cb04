# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs crashres-post.sh, which saves the report beside the dump, and checks its systemd units.

Each test builds the files of a capture kernel below a folder, and runs the script with each shell
that an initramfs can have. make check sets CRASHRES_BUILD, CRASHRES_COMMAND and CRASHRES_REPORT.
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from test_crashres import INTACT, INCOMPLETE, NO_RECORD, REPAIRED_RECORD, REPORT, TIME_OUT, record

BUILD = os.environ["CRASHRES_BUILD"]
SCRIPT = os.path.join(BUILD, "packaging/kdump/crashres-post.sh")
SYSTEMD = os.path.join(BUILD, "packaging/systemd")
KEEP, PLACE = (os.path.join(SYSTEMD, f"crashres-report-{name}.service") for name in ("keep", "place"))
with open(SCRIPT, encoding="utf-8") as _script:
    [REPORTER] = re.findall("^reporter=(.*)$", _script.read(), re.M)

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
STARTED = 1700000000		# the time at which the capture kernel started
NAME = "crashres-report.json"
REPAIRED_LINES = [
    "This kernel was damaged, and repaired before it was started.",
    "Checked   11742 blocks of 4 KiB in 46.2 ms, at EL2 with VHE, caches on, SHA-256 by instructions",
    "Damaged   3 blocks, 3 repaired",
    "          digest table 2 is damaged too, which is harmless",
    "  kernel     at 0x2345: 2 blocks, 2 repaired; found 60 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f",
    "  initrd     at 0x1000: 1 block, 1 repaired; found 00 ff"]


def lines(priority, texts):
    """Returns log lines with a priority in front, as journal and kernel log read them."""
    return [f"<{priority}>crashres: {text}" for text in texts]


REPAIRED_LOG = lines(4, REPAIRED_LINES)


class Capture:
    """The files that the script reads, below a folder."""

    def __init__(self, root, shell):
        self.root = root
        self.shell = SHELLS[shell]
        self.write("proc/stat", f"cpu  1 2 3\nbtime {STARTED}\nprocesses 7\n")
        self.write("proc/self/mounts", "rootfs / rootfs rw 0 0\n/dev/vda1 /sysroot ext4 rw 0 0\n")
        self.write("dev/kmsg", "")
        self.boot("1")
        self.make_record(REPAIRED_RECORD)
        (root / REPORTER[1:]).parent.mkdir(parents=True)
        (root / REPORTER[1:]).symlink_to(REPORT)

    def write(self, path, text):
        """Writes a file below the root."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def boot(self, number):
        """Gives the running kernel another boot ID."""
        self.write("proc/sys/kernel/random/boot_id", f"{number * 8}-0000\n")

    def make_record(self, content):
        """Writes a device tree with the record (None: without one)."""
        value = f"crashres,record = [{content.hex()}];" if content is not None else ""
        (self.root / "sys/firmware").mkdir(parents=True, exist_ok=True)
        subprocess.run(["dtc", "-q", "-O", "dtb", "-o", self.root / "sys/firmware/fdt"], text=True,
                       input="/dts-v1/; / { chosen { " + value + " }; };", check=True)

    def dump(self, path, after=10, part="vmcore"):
        """Makes a folder with a dump that was written after seconds from the start."""
        folder = self.root / path
        folder.mkdir(parents=True)
        (folder / part).write_text("dump")
        os.utime(folder, (STARTED + after,) * 2)
        return folder

    def run(self, *arguments, **environment):
        """Runs the script. Returns the lines of its output."""
        done = subprocess.run(
            [*self.shell, SCRIPT, f"--root={self.root}", *arguments], text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC", **environment})
        assert done.returncode == 0
        self.errors = done.stderr
        return done.stdout.splitlines()

    def log(self):
        """Returns the new lines of the kernel log."""
        text = (self.root / "dev/kmsg").read_text()
        self.write("dev/kmsg", "")
        return text.splitlines()

    def saved(self):
        """Returns the reports of all folders: path -> outcome. A temporary file fails the test."""
        found = {}
        for folder, _, names in os.walk(self.root):
            assert not [name for name in names if name.endswith(".new")]
            for name in names:
                path = os.path.join(folder, name)
                if name.endswith(".json"):
                    assert os.stat(path).st_mode & 0o777 == 0o600
                    with open(path, encoding="utf-8") as file:
                        found[os.path.relpath(path, self.root)] = json.load(file)["outcome"]
        return found


@pytest.fixture(params=SHELLS)
def capture(tmp_path, request):
    if not shutil.which(SHELLS[request.param][0]):
        pytest.skip(f"{request.param} is not installed")
    return Capture(tmp_path, request.param)


# ---------------------------------------------------------- kdump-utils and openSUSE


@pytest.mark.parametrize("status", ["0", "1"])
def test_kdump_utils(capture, status):
    """The newest dump of this boot is found, on the file system of the target."""
    capture.write("etc/kdump.conf", "ext4 /dev/vda1\npath /crash\ncore_collector makedumpfile\n")
    capture.dump("sysroot/crash/127.0.0.1-2023-11-14-22:00:00", after=-100)
    capture.dump("sysroot/crash/127.0.0.1-2023-11-14-22:13:25", after=5)
    capture.dump("sysroot/crash/127.0.0.1-2023-11-14-22:13:30", after=10)
    capture.dump("sysroot/var/crash/127.0.0.1-2023-11-14-22:13:50", after=30)
    (capture.root / "sysroot/crash/notes").mkdir()
    path = f"sysroot/crash/127.0.0.1-2023-11-14-22:13:30/{NAME}"
    assert capture.run(status) == []
    assert capture.log() == [*REPAIRED_LOG, f"<6>crashres: /{path}: saved"]
    assert capture.saved() == {path: "repaired"}
    assert capture.errors == ""


def test_the_default_path_of_kdump_utils(capture):
    capture.write("etc/kdump.conf", "# path /elsewhere\nfailure_action reboot\n")
    capture.dump("sysroot/var/crash/127.0.0.1-2023-11-14-22:13:30", part="vmcore-dmesg.txt")
    capture.run("0")
    assert capture.saved() == {
        f"sysroot/var/crash/127.0.0.1-2023-11-14-22:13:30/{NAME}": "repaired"}


def test_the_journal_gets_the_priority(capture):
    """kdump-utils runs the script in a service whose output is the journal."""
    capture.dump("sysroot/var/crash/2023")
    assert capture.run("0", JOURNAL_STREAM="8:1") == [
        *REPAIRED_LOG, f"<6>crashres: /sysroot/var/crash/2023/{NAME}: saved"]
    assert capture.log() == []


def test_without_any_log(capture):
    (capture.root / "dev/kmsg").unlink()
    assert capture.run("0") == [f"crashres: {line}" for line in (
        *REPAIRED_LINES, "no dump of this boot, so the report is in the log only")]


def test_opensuse_names_the_folder(capture):
    """KDUMP_POSTSCRIPT='crashres-post.sh "$DIR"'."""
    folder = capture.dump("kdump/mnt/var/crash/2023-11-14-22-13", part="README.txt")
    capture.run(str(folder))
    assert capture.saved() == {f"kdump/mnt/var/crash/2023-11-14-22-13/{NAME}": "repaired"}


@pytest.mark.parametrize("savedir", ["/var/dumps", "file:///var/dumps"])
def test_opensuse_without_a_folder(capture, savedir):
    capture.write("etc/kdump.conf", f"KDUMP_POSTSCRIPT='x'\nKDUMP_SAVEDIR='{savedir}'\nKDUMP_PROTO=file\n")
    capture.write("proc/self/mounts", "rootfs / rootfs rw 0 0\n/dev/vda1 /kdump/mnt ext4 rw 0 0\n")
    capture.dump("kdump/mnt/var/dumps/2023-11-14-22-13", part="README.txt")
    capture.run()
    assert capture.saved() == {f"kdump/mnt/var/dumps/2023-11-14-22-13/{NAME}": "repaired"}


def test_opensuse_on_a_share(capture):
    capture.write("etc/kdump.conf", "KDUMP_SAVEDIR='nfs://server/share'\n")
    capture.write("proc/self/mounts", "rootfs / rootfs rw 0 0\nserver:/share /kdump/mnt nfs4 rw 0 0\n")
    capture.dump("kdump/mnt/host-2023-11-14-22-13", part="README.txt")
    capture.run()
    assert capture.saved() == {f"kdump/mnt/host-2023-11-14-22-13/{NAME}": "repaired"}


def test_a_dump_that_went_to_a_server(capture):
    """ssh://: DIR is a folder of the server."""
    capture.dump("sysroot/var/crash/2023-11-14-22-00", after=-1)
    capture.run("/var/crash/host-2023-11-14-22-13")
    assert capture.log() == [
        *REPAIRED_LOG, "<6>crashres: no dump of this boot, so the report is in the log only"]
    assert capture.saved() == {}


FOREIGN = "sysroot/var/crash/127.0.0.1-2023-11-14-22:13:40"
SAFE = "sysroot/var/crash/127.0.0.1-2023-11-14-22:13:30"


def test_a_link_in_the_folder_of_the_dumps(capture):
    """Everybody may write to /var/crash on some machines."""
    capture.dump(SAFE)
    (capture.root / FOREIGN).symlink_to(capture.dump("elsewhere/2023", after=20))
    capture.run("0")
    assert capture.saved() == {f"{SAFE}/{NAME}": "repaired"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
@pytest.mark.parametrize("type_, folder", [("ext4", SAFE), ("nfs4", FOREIGN), ("virtiofs", FOREIGN)])
def test_a_folder_of_another_user(capture, type_, folder):
    """A server can give the files of root to another user (root_squash)."""
    capture.write("proc/self/mounts", f"rootfs / rootfs rw 0 0\n/dev/vda1 /sysroot {type_} rw 0 0\n")
    capture.dump(SAFE)
    os.chown(capture.dump(FOREIGN, after=20), 65534, 65534)
    capture.run("0")
    assert capture.saved() == {f"{folder}/{NAME}": "repaired"}


def test_a_server_with_the_dump_of_another_machine(capture):
    """The other machine saved its dump and its report later."""
    capture.dump(SAFE)
    other = capture.dump(FOREIGN)
    (other / NAME).write_text('{"outcome": "intact"}')
    (other / NAME).chmod(0o600)
    os.utime(other, (STARTED + 20,) * 2)
    capture.run("0")
    assert capture.saved() == {f"{SAFE}/{NAME}": "repaired", f"{FOREIGN}/{NAME}": "intact"}


def test_proc_is_no_dump(capture):
    """With "path /" it is beside the dumps."""
    capture.write("etc/kdump.conf", "path /\n")
    capture.write("proc/self/mounts", "rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\n"
                  "/dev/vda1 /sysroot ext4 rw 0 0\n")
    capture.write("proc/vmcore", "memory")
    capture.write("proc/1/vmcore", "memory")
    capture.dump("sysroot/2023")
    capture.run("0")
    assert capture.saved() == {f"sysroot/2023/{NAME}": "repaired"}


@pytest.mark.parametrize("name", [NAME, f"{NAME}.new"])
def test_a_link_at_the_place_of_the_report(capture, name):
    capture.write("etc/shadow", "secret")
    folder = capture.dump("kdump/mnt/2023-11-14-22-13")
    (folder / name).symlink_to(capture.root / "etc/shadow")
    capture.run(str(folder))
    assert (capture.root / "etc/shadow").read_text() == "secret"
    assert not (folder / NAME).is_symlink()
    assert capture.saved() == {f"kdump/mnt/2023-11-14-22-13/{NAME}": "repaired"}


def test_a_folder_at_the_place_of_the_report(capture):
    folder = capture.dump("sysroot/var/crash/2023")
    (folder / NAME).mkdir()
    capture.run(str(folder))
    assert capture.log() == [*REPAIRED_LOG, f"<4>crashres: /sysroot/var/crash/2023/{NAME}: cannot write"]
    assert os.listdir(folder / NAME) == []


def test_intact(capture):
    capture.make_record(record(INTACT))
    capture.dump("sysroot/var/crash/2023")
    capture.run("0")
    assert {line[:3] for line in capture.log()} == {"<6>"}
    assert list(capture.saved().values()) == ["intact"]


@pytest.mark.parametrize("content", [record(INTACT, version=1), record(INCOMPLETE, TIME_OUT)])
def test_damaged_record_and_incomplete_check(capture, content):
    capture.make_record(content)
    capture.dump("sysroot/var/crash/2023")
    capture.run("0")
    log = capture.log()
    assert log[0].startswith("<4>crashres: ") and "crashres: crashres" not in log[0]
    assert list(capture.saved().values()) in ([], ["incomplete"])


@pytest.mark.parametrize("operand", ["0", "keep", "place"])
def test_without_a_record(capture, operand):
    capture.make_record(None)
    capture.dump("sysroot/var/crash/2023")
    assert capture.run(operand) == []
    assert capture.log() == lines(6, [NO_RECORD[len("crashres: "):].rstrip()] if operand != "place" else [])
    assert capture.saved() == {}


@pytest.mark.parametrize("operand", ["0", "keep"])
def test_without_the_reporter(capture, operand):
    (capture.root / REPORTER[1:]).unlink()
    assert capture.run(operand) == []
    assert capture.log() == [f"<6>crashres: no {REPORTER}"]
    assert capture.saved() == {}
    assert capture.errors == ""


def test_a_reporter_that_is_killed(capture):
    (capture.root / REPORTER[1:]).unlink()
    capture.write(REPORTER[1:], "#!/bin/sh\nkill -9 $$\n")
    (capture.root / REPORTER[1:]).chmod(0o755)
    capture.run("0")
    assert capture.log() == [f"<4>crashres: {REPORTER} ends with exit status 137"]


def test_a_file_that_cannot_be_written(capture):
    folder = capture.dump("sysroot/var/crash/2023")
    (folder / f"{NAME}.new").mkdir()
    capture.run("0")
    assert capture.log() == [*REPAIRED_LOG, f"<4>crashres: /sysroot/var/crash/2023/{NAME}: cannot write"]
    assert capture.saved() == {}


def test_an_initramfs_with_nothing(capture):
    """No mounts, no start time, no configuration: the report is logged."""
    shutil.rmtree(capture.root / "proc")
    capture.run("0")
    assert capture.log() == [
        *REPAIRED_LOG, "<6>crashres: no dump of this boot, so the report is in the log only"]


# ------------------------------------------------------------------ Debian and Ubuntu

PENDING = "var/lib/crashres/report/pending"


def test_keep_and_place(capture):
    """The times of the dumps do not matter: the clock of the machine can be wrong."""
    capture.dump("var/crash/202311142200", after=1000)
    capture.dump("var/crash/202311142205", after=-100)
    capture.run("keep")
    assert capture.log() == REPAIRED_LOG
    assert capture.saved() == {f"{PENDING}/{NAME}": "repaired"}
    assert os.stat(capture.root / "var/lib/crashres/report").st_mode & 0o777 == 0o700
    capture.dump("var/crash/202311142213", after=-50)
    capture.boot("2")
    capture.run("place")
    path = f"var/crash/202311142213/{NAME}"
    assert capture.log() == [f"<4>crashres: the last capture kernel was damaged and repaired: /{path}"]
    assert capture.saved() == {path: "repaired"}
    assert os.listdir(capture.root / "var/lib/crashres/report") == []
    capture.run("place")
    assert capture.log() == [] and capture.errors == ""


@pytest.mark.parametrize("outcome, line", [
    ("intact", "<6>crashres: the last capture kernel was intact"),
    ("incomplete", "<4>crashres: the last capture kernel was not checked to the end"),
    ("damaged", "<4>crashres: the last capture kernel was started damaged"),
])
def test_place_names_the_outcome(capture, outcome, line):
    capture.run("keep")
    path = capture.root / PENDING / NAME
    path.write_text(path.read_text().replace('"repaired"', f'"{outcome}"', 1))
    capture.dump("var/crash/202311142213")
    capture.boot("2")
    capture.log()
    capture.run("place")
    assert capture.log() == [f"{line}: /var/crash/202311142213/{NAME}"]


def test_place_in_the_capture_kernel_does_nothing(capture):
    capture.run("keep")
    capture.dump("var/crash/202311142213")
    capture.log()
    capture.run("place")
    assert capture.log() == []
    assert capture.saved() == {f"{PENDING}/{NAME}": "repaired"}


def test_a_dump_that_does_not_exist(capture):
    """NFS, SSH, or a full disk: the report stays, and later dumps do not get it."""
    capture.dump("var/crash/202311142200")
    capture.run("keep")
    os.utime(capture.root / PENDING / NAME, (STARTED, STARTED))
    capture.boot("2")
    capture.log()
    capture.run("place")
    path = "var/lib/crashres/report/crashres-report-20231114221320.json"
    assert capture.log() == [f"<4>crashres: the last capture kernel was damaged and repaired: /{path}"]
    assert capture.saved() == {path: "repaired"}
    capture.dump("var/crash/202311152200")
    capture.boot("3")
    capture.run("place")
    assert capture.log() == []
    assert capture.saved() == {path: "repaired"}


def test_a_second_panic_before_the_first_report_is_placed(capture):
    capture.run("keep")
    capture.dump("var/crash/202311142213")
    capture.boot("2")
    capture.make_record(record(INTACT))
    capture.run("keep")
    capture.dump("var/crash/202311142220")
    capture.boot("3")
    capture.run("place")
    assert capture.saved() == {f"var/crash/202311142213/{NAME}": "repaired",
                               f"var/crash/202311142220/{NAME}": "intact"}


@pytest.mark.parametrize("name", ["dump.202310011200", "dump-incomplete", "vmcore.202310011200"])
def test_a_second_dump_in_the_same_folder(capture, name):
    """The name of the folder is a date, which repeats on a machine without a clock."""
    folder = capture.dump("var/crash/202310011200", part=name)
    capture.dump("var/crash/202310011300", part="dump.202310011300")
    capture.make_record(record(INTACT))
    capture.run("keep")
    (folder / name).write_text("the first dump")
    capture.boot("2")
    capture.run("place")
    assert capture.saved() == {f"var/crash/202310011200/{NAME}": "intact"}
    capture.make_record(REPAIRED_RECORD)
    capture.run("keep")
    (folder / name).write_text("the second one")
    capture.boot("3")
    capture.run("place")
    assert capture.saved() == {f"var/crash/202310011200/{NAME}": "repaired"}
    assert capture.errors == ""


def test_a_new_folder_counts_more_than_an_old_one(capture):
    folder = capture.dump("var/crash/202310011300", part="dump.202310011300")
    capture.run("keep")
    (folder / "dump.202310011300").write_text("changed by somebody")
    capture.dump("var/crash/202310011200")
    capture.boot("2")
    capture.run("place")
    assert capture.saved() == {f"var/crash/202310011200/{NAME}": "repaired"}


def test_dumps_that_were_removed(capture):
    folder = capture.dump("var/crash/202310011200")
    capture.run("keep")
    shutil.rmtree(folder)
    capture.boot("2")
    capture.run("place")
    [path] = capture.saved()
    assert path.startswith("var/lib/crashres/report/crashres-report-")


def test_only_dumps_get_the_report(capture):
    """Everybody may write to /var/crash on some machines."""
    capture.run("keep")
    capture.dump("elsewhere/2023")
    capture.dump("var/crash/uploaded")
    (capture.root / "var/crash/202311142213").symlink_to(capture.root / "elsewhere/2023")
    capture.write("var/crash/202311142214", "")
    if os.geteuid() == 0:
        os.chown(capture.dump("var/crash/202311142215"), 65534, 65534)
    capture.boot("2")
    capture.run("place")
    [(path, outcome)] = capture.saved().items()
    assert outcome == "repaired"
    assert re.fullmatch(r"var/lib/crashres/report/crashres-report-\d{14}\.json", path)


def test_the_folder_of_the_configuration(capture):
    """The units read /etc/default/kdump-tools."""
    capture.dump("srv/dumps/202311142200")
    capture.run("keep", KDUMP_COREDIR="/srv/dumps")
    capture.dump("srv/dumps/202311142213")
    capture.boot("2")
    capture.run("place", KDUMP_COREDIR="/srv/dumps")
    assert capture.saved() == {f"srv/dumps/202311142213/{NAME}": "repaired"}


def test_a_dump_folder_that_cannot_be_written(capture):
    capture.run("keep")
    (capture.dump("var/crash/202311142213") / f"{NAME}.new").mkdir()
    capture.boot("2")
    capture.run("place")
    [path] = capture.saved()
    assert path.startswith("var/lib/crashres/report/crashres-report-")
    assert capture.log()[-1].endswith(f"damaged and repaired: /{path}")


def test_a_file_system_that_cannot_be_written(capture):
    capture.write("var/lib", "not a folder")
    assert capture.run("keep") == []
    assert capture.log() == [
        "<4>crashres: /var/lib/crashres/report: cannot write, so the report is in the log only",
        *REPAIRED_LOG]


def test_the_report_is_kept_before_it_is_logged(capture):
    """On a slow machine, the time limit of the unit ended the script between the two."""
    reporter = capture.root / REPORTER[1:]
    reporter.unlink()
    kept = capture.root / PENDING / NAME
    reporter.write_text(f'#!/bin/sh\ncase "$*" in *--json*) exec {REPORT} "$@" ;; esac\n'
                        f"[ ! -e {kept} ] || echo the report is kept\n")
    reporter.chmod(0o755)
    capture.run("keep")
    assert capture.log() == ["<6>crashres: the report is kept"]


def test_keep_replaces_its_report(capture):
    capture.run("keep")
    capture.make_record(record(INTACT))
    capture.run("keep")
    assert capture.saved() == {f"{PENDING}/{NAME}": "intact"}


def test_keep_that_was_interrupted(capture):
    """Files of a run that was killed are replaced, and do not become a report."""
    capture.write("var/lib/crashres/report/new/dumps", "202311142213\n")
    capture.run("place")
    capture.run("keep")
    capture.dump("var/crash/202311142213")
    capture.boot("2")
    capture.run("place")
    assert capture.saved() == {f"var/crash/202311142213/{NAME}": "repaired"}


def test_place_that_was_interrupted(capture):
    """The report has its name with a date already."""
    capture.run("keep")
    (capture.root / PENDING / NAME).unlink()
    capture.boot("2")
    capture.log()
    assert capture.run("place") == []
    assert capture.log() == [] and capture.errors == ""
    assert os.listdir(capture.root / "var/lib/crashres/report") == []


def test_a_removal_that_was_interrupted(capture):
    """rm does nothing here: the kept report is gone nevertheless, and the next run removes the rest."""
    capture.run("keep")
    capture.dump("var/crash/202311142213")
    capture.boot("2")
    subprocess.run([*capture.shell, "-c", 'rm() { :; }; . "$0"', SCRIPT, f"--root={capture.root}", "place"],
                   check=True, timeout=60)
    assert not (capture.root / PENDING).exists()
    capture.run("keep")
    capture.boot("3")
    capture.run("place")
    [name] = os.listdir(capture.root / "var/lib/crashres/report")
    assert name.endswith(".json")


# -------------------------------------------------------------------------- units


def settings(path):
    """Returns the lines of a unit file without comments."""
    with open(path, encoding="utf-8") as file:
        return [line for line in file.read().splitlines() if line and not line.startswith("#")]


def test_the_units_cannot_stop_the_dump():
    for unit, operand in (KEEP, "keep"), (PLACE, "place"):
        text = settings(unit)
        folder = os.path.dirname(REPORTER)
        assert f"ExecStart=-{folder}/crashres-post.sh {operand}" in text
        assert "TimeoutStartSec=60s" in text and "TimeoutStartFailureMode=kill" in text
        assert not [line for line in text if re.match("(Requires|BindsTo|Requisite|OnFailure)", line)]
    assert "ConditionPathExists=/proc/vmcore" in settings(KEEP)
    assert "ConditionPathExists=!/proc/vmcore" in settings(PLACE)
    assert "Before=kdump-tools-dump.service kdump-tools.service" in settings(KEEP)
    assert "Before=kdump-tools.service" in settings(PLACE)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path):
    units = []
    for unit in KEEP, PLACE:
        with open(unit, encoding="utf-8") as file:
            text = re.sub(r"^ExecStart=-\S+", "ExecStart=-/bin/true", file.read(), flags=re.M)
        units.append(tmp_path / os.path.basename(unit))
        units[-1].write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True,
                          text=True, check=False, timeout=60)
    assert "crashres-report" not in done.stderr and done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_accepts_the_script():
    done = subprocess.run(["shellcheck", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
