# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""man_page.py: every command, and every option that a command's --help lists, stands in the manual page."""
import re
import subprocess
from tree import finish, read


def help_of(*command):
    return subprocess.run(["attnc", *command, "--help"], capture_output=True, text=True, check=True).stdout


page = read("tools/attnc/attnc.1").replace("\\-", "-").replace("\\fR", "").replace("\\fB", "").replace("\\fI", "")
entries = {line.split()[0].rstrip(",") for line in re.findall(r"^\.TP\n(.*)", page, re.M)}
commands = re.findall(r"^(\w+) - ", help_of(), re.M)
options = {(c, o) for c in commands for o in re.findall(r"^  (-[-\w]+)", help_of(c), re.M)}
faults = [f"command '{c}' is not in attnc.1" for c in commands if c not in entries]
faults += [f"option '{o}' of '{c}' is not in attnc.1" for c, o in sorted(options) if o not in entries]
faults += [f"attnc.1 has '{e}', which no command has" for e in sorted(entries)
           if e.startswith("-") and e != "--version" and e not in {o for _, o in options}]
for script in ("tools/attnc/completion.bash", "tools/attnc/completion.zsh"):
    faults += [f"{script} does not know '{c}'" for c in commands if c not in read(script).split("build run")[1].split("new")[0] + "build run new"]
finish(len(commands) + len(options), faults)
