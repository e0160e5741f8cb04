# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests the completions of bash, zsh and fish against the option tables of the commands."""

import os
import re
import shutil
import subprocess

import pytest

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
BASH = "/usr/share/bash-completion/bash_completion"
COMMANDS = {"kexec": ["kexec/long-options.c"],
            "crashres": ["crashres/report.c", "crashres/seal.c", "crashres/sign-options.c",
                         "crashres/verify.c"],
            "vmcore-dmesg": ["vmcore-dmesg/arguments.c"]}
FILES = {"bash": "completions/bash/{}", "zsh": "completions/zsh/_{}",
         "fish": "completions/fish/{}.fish"}

needs_bash = pytest.mark.skipif(not os.path.exists(BASH), reason="bash-completion is not installed")
needs_fish = pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
needs_zsh = pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")


def text_of(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def options_of(command):
    """Returns the long options of a command, without refused and ignored ones."""
    text = "".join(map(text_of, COMMANDS[command]))
    found = re.findall(r'\{ "([a-z0-9-]+)", \w+, NULL, ([^ ]+) \}', text)
    names = {name for name, value in found
             if value not in ("OPT_FOREIGN", "OPT_PRESERVE_CONTEXT", "OPT_JUMP_BACK",
                              "OPT_LOAD_LIVE_UPDATE", "OPT_EXEC_LIVE_UPDATE")}
    assert "help" in names
    return names | {"version"}


@pytest.mark.parametrize("command", COMMANDS)
def test_all_options_are_completed(command):
    completed = {
        "bash": set(re.findall(r"(?<![\w-])--([a-z0-9-]+)", text_of(FILES["bash"].format(command)))),
        "zsh": set(re.findall(r"(?<![\w-])--([a-z0-9-]+)", text_of(FILES["zsh"].format(command)))),
        "fish": set(re.findall(r" -l ([a-z0-9-]+)", text_of(FILES["fish"].format(command)))),
    }
    options = options_of(command)
    assert completed == {"bash": options, "zsh": options, "fish": options}


def complete_bash(command, *words):
    script = f"""
        source {BASH}
        source "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${{#COMP_LINE}}
        function=$(complete -p {command} | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
        "$function" {command} "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}" \
            2>/dev/null
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = os.path.join(SOURCE, FILES["bash"].format(command))
    done = subprocess.run(["bash", "-c", script, "bash", path, command, *words], text=True,
                          capture_output=True, check=True)
    return sorted(done.stdout.split())


@needs_bash
@pytest.mark.parametrize("command, words, replies", [
    ("kexec", ["--reu"], ["--reuse-cmdline", "--reuseinitrd"]),
    ("kexec", ["-p", "--kexec"], ["--kexec-file-syscall", "--kexec-syscall",
                                  "--kexec-syscall-auto"]),
    ("kexec", ["--on-damage", ""], ["boot", "halt", "reset"]),
    ("kexec", ["--type", "u"], ["uImage", "uki"]),
    ("kexec", ["--append", ""], []),
    ("crashres", [""], ["--help", "--version", "report", "seal", "sign", "verify"]),
    ("crashres", ["report", "--j"], ["--json"]),
    ("crashres", ["seal", "--"], [
        "--append", "--cert=", "--check-time=", "--config=", "--force", "--help", "--ima", "--initrd=",
        "--kernel-release=", "--kernel=", "--key=", "--on-damage=", "--on-timeout=", "--output=",
        "--passphrase-env=", "--passphrase-fd=", "--passphrase-file=", "--remove", "--renew", "--repair=",
        "--root=", "--serial=", "--sign-with=", "--unseal"]),
    ("crashres", ["sign", "--"], ["--append", "--cert=", "--detached-out=", "--force", "--hash=", "--help",
                                  "--json", "--key=", "--output=", "--passphrase-env=", "--passphrase-fd=",
                                  "--passphrase-file=", "--remove", "--sigfile", "--signature-in="]),
    ("crashres", ["sign", "--hash", ""], ["sha256", "sha384", "sha512"]),
    ("crashres", ["verify", "--"], ["--appended", "--cert=", "--help", "--json", "--machine", "--pe",
                                    "--root=", "--sigfile", "--xattr"]),
    ("vmcore-dmesg", ["--"], ["--help", "--info", "--json", "--output=", "--version"]),
])
def test_bash(command, words, replies):
    assert complete_bash(command, *words) == replies


def complete_fish(command, line):
    path = os.path.join(SOURCE, FILES["fish"].format(command))
    done = subprocess.run(["fish", "--no-config", "-c", f"source {path}; complete -C '{line}'"],
                          text=True, capture_output=True, check=True)
    return sorted(reply.split("\t")[0] for reply in done.stdout.splitlines())


@needs_fish
@pytest.mark.parametrize("command, line, replies", [
    ("kexec", "kexec --reu", ["--reuse-cmdline", "--reuseinitrd"]),
    ("kexec", "kexec --on-damage ", ["boot", "halt", "reset"]),
    ("kexec", "kexec --type=u", ["--type=uImage", "--type=uki"]),
    ("crashres", "crashres ", ["report", "seal", "sign", "verify"]),
    ("crashres", "crashres report --j", ["--json"]),
    ("crashres", "crashres sign --", ["--append", "--cert", "--detached-out", "--force", "--hash", "--help",
                                      "--json", "--key", "--output", "--passphrase-env", "--passphrase-fd",
                                      "--passphrase-file", "--remove", "--sigfile", "--signature-in"]),
    ("crashres", "crashres sign --hash=", ["--hash=sha256", "--hash=sha384", "--hash=sha512"]),
    ("crashres", "crashres verify --", ["--appended", "--cert", "--help", "--json", "--machine", "--pe",
                                        "--root", "--sigfile", "--xattr"]),
    ("vmcore-dmesg", "vmcore-dmesg --i", ["--info"]),
])
def test_fish(command, line, replies):
    assert complete_fish(command, line) == replies


@needs_zsh
@pytest.mark.parametrize("command", COMMANDS)
def test_zsh_can_read_it(command):
    path = os.path.join(SOURCE, FILES["zsh"].format(command))
    done = subprocess.run(["zsh", "-n", path], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert text_of(FILES["zsh"].format(command)).startswith(f"#compdef {command}\n")
