# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs crashres and crashres report: exact output and exit status.

make check sets CRASHRES_COMMAND (the program). The tests pack the records themselves,
independently of purgatory/abi.h, so that a change of the layout is noticed.
"""

import json
import os
import re
import struct
import subprocess

import pytest

COMMAND = os.environ["CRASHRES_COMMAND"]
# The program for capture kernels, which has the subcommand report only.
REPORT = os.environ.get("CRASHRES_REPORT",
                        os.path.join(os.path.dirname(COMMAND), "crashres-report"))
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")

INTACT, REPAIRED, DAMAGED, INCOMPLETE = 1, 2, 3, 4
MMU, EL2, E2H, TIME_OUT, TABLE_0, TABLE_1, UNCLEAN = (1 << n for n in range(7))
INSTRUCTIONS, VECTORS = 2 << 8, 1 << 8


def damage(segment, offset, blocks, repaired, found):
    """Returns a struct purgatory_damage."""
    return struct.pack("<16s3QII16s", segment, offset, blocks, repaired, len(found), 0, found)


def record(outcome, flags=MMU | INSTRUCTIONS, blocks=11742, damaged=0, repaired=0, runs=(),
           count=None, version=2):
    """Returns a struct purgatory_record of 1104 bytes."""
    data = struct.pack("<8sII2I7Q", b"CPRECORD", version, 1104, outcome, flags, 5000000000,
                       1155625, 25000000, blocks, damaged, repaired,
                       len(runs) if count is None else count)
    return (data + b"".join(runs)).ljust(1104, b"\0")


KERNEL = damage(b"kernel", 0x2345, 2, 2, bytes(range(0x60, 0x70)))
INITRD = damage(b"initrd", 0x1000, 1, 1, b"\x00\xff")
REPAIRED_RECORD = record(REPAIRED, MMU | EL2 | E2H | TABLE_1 | INSTRUCTIONS, damaged=3, repaired=3,
                         runs=(KERNEL, INITRD))


@pytest.fixture
def run(tmp_path):
    """Returns a function that runs crashres.

    run.report() first writes a device tree with the record content (None: no record). It also runs
    crashres-report, whose output and exit status must be the same.
    """
    def execute(*words):
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60,
                              env={**os.environ, "LC_ALL": "C"})
        return done.returncode, done.stdout, done.stderr

    def run_command(*arguments, content=None, tree=True):
        firmware = tmp_path / "sys/firmware"
        firmware.mkdir(parents=True, exist_ok=True)
        if tree:
            value = f"crashres,record = [{content.hex()}];" if content is not None else ""
            text = "/dts-v1/; / { chosen { " + value + " }; };"
            subprocess.run(["dtc", "-q", "-O", "dtb", "-o", firmware / "fdt"], input=text,
                           text=True, check=True)
        result = execute(COMMAND, *arguments)
        if arguments[:1] == ("report",):
            assert execute(REPORT, *arguments[1:]) == result
        return result

    def report(*arguments, **options):
        return run_command("report", f"--root={tmp_path}", *arguments, **options)
    run_command.report = report
    return run_command


def test_intact(run):
    assert run.report(content=record(INTACT)) == (
        0,
        "This kernel was intact when it was started.\n"
        "Checked   11742 blocks of 4 KiB in 46.2 ms, at EL1, caches on, SHA-256 by instructions\n"
        "Damaged   0 blocks, 0 repaired\n",
        "")


def test_repaired(run):
    assert run.report(content=REPAIRED_RECORD) == (
        1,
        "This kernel was damaged, and repaired before it was started.\n"
        "Checked   11742 blocks of 4 KiB in 46.2 ms, at EL2 with VHE, caches on, "
        "SHA-256 by instructions\n"
        "Damaged   3 blocks, 3 repaired\n"
        "          digest table 2 is damaged too, which is harmless\n"
        "  kernel     at 0x2345: 2 blocks, 2 repaired; "
        "found 60 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f\n"
        "  initrd     at 0x1000: 1 block, 1 repaired; found 00 ff\n",
        "")


def test_started_damaged(run):
    runs = (damage(b"elfcorehdr", 0, 1, 0, b""),)
    assert run.report(content=record(DAMAGED, EL2 | VECTORS, damaged=1, runs=runs)) == (
        2,
        "This kernel was started damaged: 1 block could not be repaired.\n"
        "Checked   11742 blocks of 4 KiB in 46.2 ms, at EL2, caches off, SHA-256 by vectors\n"
        "Damaged   1 block, 0 repaired\n"
        "  elfcorehdr at 0x0: 1 block, 0 repaired; unreadable\n",
        "")


def test_time_out_without_damage(run):
    """Running out of time is not damage."""
    assert run.report(content=record(INCOMPLETE, TIME_OUT, blocks=17)) == (
        2,
        "No damage was found before this kernel was started.\n"
        "The time limit was reached before the check and the repair were complete.\n"
        "Checked   17 blocks of 4 KiB in 46.2 ms, at EL1, caches off, SHA-256 by portable\n"
        "Damaged   0 blocks, 0 repaired\n",
        "")


def test_time_out_in_json(run):
    status, out, _ = run.report("--json", content=record(INCOMPLETE, TIME_OUT, blocks=17))
    object = json.loads(out)
    assert (status, object["outcome"], object["timed_out"], object["unclean"]) == (
        2, "incomplete", True, False)


def test_a_cache_that_was_not_cleaned(run):
    """No block is damaged, but the outcome is "damaged"."""
    content = record(DAMAGED, UNCLEAN, blocks=17)
    status, out, _ = run.report(content=content)
    assert (status, out.splitlines()[0]) == (
        2, "Parts of the data cache could not be cleaned before this kernel was started.")
    assert json.loads(run.report("--json", content=content)[1])["unclean"] is True


def test_more_damage_than_the_record_holds(run):
    runs = (damage(b"initrd", 0x1000, 1, 1, b"a"),) * 16
    status, out, _ = run.report(content=record(REPAIRED, damaged=20, repaired=20, runs=runs,
                                               count=18))
    assert status == 1
    assert out.endswith("  initrd     at 0x1000: 1 block, 1 repaired; found 61\n"
                        "  and 2 more places\n")


def test_json(run):
    status, out, err = run.report("--json", content=REPAIRED_RECORD)
    assert (status, err) == (1, "")
    assert json.loads(out) == {
        "outcome": "repaired", "timed_out": False, "unclean": False,
        "exception_level": 2, "vhe": True, "mmu": True,
        "sha256": "instructions", "started_ticks": 5000000000, "nanoseconds": 46225000,
        "block_size": 4096, "blocks": 11742, "damaged": 3, "repaired": 3,
        "digest_tables_damaged": [False, True], "damage_count": 2,
        "damage": [
            {"segment": "kernel", "offset": 0x2345, "blocks": 2, "repaired": 2,
             "found": "606162636465666768696a6b6c6d6e6f"},
            {"segment": "initrd", "offset": 0x1000, "blocks": 1, "repaired": 1, "found": "00ff"},
        ]}


def test_json_of_other_values(run):
    status, out, _ = run.report("--json", content=record(INTACT, 3 << 8))
    assert status == 0
    assert (json.loads(out)["outcome"], json.loads(out)["damage"]) == ("intact", [])
    assert json.loads(out)["sha256"] == "unknown"
    runs = (damage(b"dtb", 0, 1, 0, b""),)
    status, out, _ = run.report("--json", content=record(DAMAGED, damaged=1, runs=runs))
    assert status == 2
    assert json.loads(out)["outcome"] == "damaged"
    assert json.loads(out)["damage"][0]["found"] is None


def test_json_keys_are_explained(run):
    with open(os.path.join(SOURCE, "man/crashres.1"), encoding="utf-8") as page:
        text = page.read()
    report = json.loads(run.report("--json", content=REPAIRED_RECORD)[1])
    for key in [*report, *report["damage"][0]]:
        assert re.search(rf"\b{key}\b", text), key


NO_RECORD = ("crashres: /sys/firmware/fdt: no /chosen/crashres,record: no purgatory of crashres "
             "started this kernel, or purgatory had nothing to check\n")


def test_no_record(run):
    assert run.report() == (3, "", NO_RECORD)
    assert run.report("--json") == (3, "", NO_RECORD)
    assert run.report(content=record(0)) == (
        3, "", "crashres: /sys/firmware/fdt: /chosen/crashres,record is empty: purgatory did not "
               "run\n")


def test_no_device_tree(run):
    assert run.report(tree=False) == (3, "", "crashres: no /sys/firmware/fdt\n")


@pytest.mark.parametrize("content, sentence", [
    (REPAIRED_RECORD[:100], "/chosen/crashres,record has 100 bytes, not 1104"),
    (record(INTACT)[:-1], "/chosen/crashres,record has 1103 bytes, not 1104"),
    (record(REPAIRED, damaged=3, repaired=3, runs=(KERNEL,), count=2**64 - 1),
     "/chosen/crashres,record is damaged"),
    (record(INTACT, version=9),
     "/chosen/crashres,record has version 9, this library reads version 2"),
    (b"x" * 1104, "/chosen/crashres,record is not a record"),
], ids=["truncated", "short", "count", "version", "magic"])
def test_bad_record(run, content, sentence):
    assert run.report(content=content) == (4, "", f"crashres: /sys/firmware/fdt: {sentence}\n")


def test_no_root(run, tmp_path):
    nowhere = tmp_path / "nowhere"
    assert run("report", f"--root={nowhere}") == (
        4, "", f"crashres: cannot open root {nowhere}: No such file or directory\n")


def usage(name):
    with open(os.path.join(SOURCE, "crashres", name), encoding="utf-8") as source:
        text = source.read()
    [block] = re.findall(r"usage\[\] =\n((?:\".*\"\n?)+);", text)
    return "".join(json.loads(line) for line in re.findall(r'^".*"', block, re.M))


def test_help(run):
    assert run("report", "--help") == run("report", "-h") == (0, usage("report.c"), "")
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert out.startswith("Usage: crashres COMMAND [OPTION]...\n")
    assert "\n  report     Print the damage that purgatory found and repaired\n" in out
    assert run("-h") == (status, out, err)


def test_version(run):
    status, out, err = run("--version")
    assert (status, err) == (0, "") and re.fullmatch(r"crashres \d+\.\d+\.\d+\n", out)


def test_wrong_usage(run):
    text = run("--help")[1]
    assert run() == (4, "", text)
    assert run("repair") == (
        4, "", "crashres: unknown command \"repair\"\nTry 'crashres --help'.\n")
    assert run("report", "x") == (4, "", 'crashres report: unexpected operand "x"\n')
    assert run("report", "--bad") == (
        4, "", "report: unrecognized option '--bad'\nTry 'crashres report --help'.\n")


def test_the_report_program_needs_few_libraries():
    """An initramfs copies these libraries, too. A static program needs none."""
    lines = subprocess.run(["readelf", "-d", REPORT], capture_output=True, text=True,
                           check=True).stdout
    needed = set(re.findall(r"\(NEEDED\).*\[lib([a-z0-9-]+?)(?:-linux.*)?\.so", lines))
    sanitizers = {"asan", "ubsan", "m", "pthread", "gcc_s"}
    assert needed - sanitizers <= {"c", "fdt", "json-c"}


def test_output_that_cannot_be_written(run, tmp_path):
    run.report(content=record(INTACT))
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([COMMAND, "report", f"--root={tmp_path}"], stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        4, "crashres: standard output: cannot write: No space left on device\n")
