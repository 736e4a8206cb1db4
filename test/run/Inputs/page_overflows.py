# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Opens a page in headless chromium, as wide as a screen and as a phone, takes a screenshot of each, and says what is wider
than it should be.

usage: page_overflows.py PAGE
"""
import os
import re
import subprocess
import sys
import tempfile

MEASURE = """<script>
const faults = [], root = document.documentElement;
if (root.scrollWidth > root.clientWidth) faults.push(`the page is ${root.scrollWidth} wide, the window ${root.clientWidth}`);
for (const svg of document.querySelectorAll("svg"))
  for (const text of svg.querySelectorAll("text")) {
    const box = text.getBBox(), view = svg.viewBox.baseVal;
    if (box.x < 0 || box.y < 0 || box.x + box.width > view.width || box.y + box.height > view.height)
      faults.push(`'${text.textContent}' leaves its drawing`);
  }
for (const node of document.querySelectorAll("rect.node")) {
  let text = node.nextElementSibling;
  for (; text && text.tagName === "text"; text = text.nextElementSibling)
    if (text.getBBox().x + text.getBBox().width > node.x.baseVal.value + node.width.baseVal.value)
      faults.push(`'${text.textContent}' leaves its box`);
}
const texts = document.querySelectorAll("svg text").length;
parent.postMessage(`measured ${texts} texts: ${faults.join("; ") || "all fits"}`, "*");
</script></body>"""

# Windows are at least 500 wide, frames as narrow as they are asked to be.
FRAME = """<!DOCTYPE html><title>no answer</title><style>* { margin: 0; border: 0 }</style>
<script>onmessage = event => document.title = event.data;</script>
<iframe src="%s" width="%d" height="2000"></iframe>"""


def chromium(*arguments):
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


page = open(sys.argv[1]).read()
with tempfile.TemporaryDirectory() as folder:
    frame, picture = os.path.join(folder, "frame.html"), os.path.join(folder, "page.png")
    with open(os.path.join(folder, "page.html"), "w") as file:
        file.write(page.replace("</body>", MEASURE))
    for width in (1280, 360):
        with open(frame, "w") as file:
            file.write(FRAME % ("page.html", width))
        options = f"--user-data-dir={folder}/profile", f"--window-size={width},2000", "--virtual-time-budget=5000"
        title = re.search("<title>(.*?)</title>", chromium(*options, "--dump-dom", "file://" + frame), re.S)
        chromium(*options, "--screenshot=" + picture, "file://" + frame)
        with open(picture, "rb") as file:
            drawn = file.read(8) == b"\x89PNG\r\n\x1a\n"
        print(f"{width}: {title.group(1) if title else 'no title'}; {'drawn' if drawn else 'not drawn'}")
