"""The same work as a deploy of pyinfra's own operations."""

import json

from pyinfra import host
from pyinfra.operations import files, server

with open(host.data.settings) as file:
    settings = json.load(file)
home = host.data.home
server.shell(name="read", commands=[f"cat {' '.join(f'{home}/{path}' for path in settings['read'])}"])
for written in settings["written"]:
    files.put(
        name=f"write {written['path']}",
        src=written["source"],
        dest=f"{home}/{written['path']}",
        mode=written["mode"],
    )
files.line(
    name="name the new authority in the manifest",
    path=f"{home}/{settings['manifest']}",
    line=settings["pattern"],
    replace=settings["line"],
)
server.shell(name="ask the kernel", commands=["uname -r"])
sums = "\\n".join(f"{sum}  {home}/{path}" for path, sum in settings["checksums"])
server.shell(name="verify", commands=[f"printf '{sums}\\n' | sha256sum -c --quiet"])
