"""The fixed script on all hosts with parallel-ssh: with_parallel_ssh.py <settings as JSON>."""

import json
import sys

from pssh.clients import ParallelSSHClient

with open(sys.argv[1]) as file:
    settings = json.load(file)
with open(settings["scriptFile"]) as file:
    script = file.read()
client = ParallelSSHClient(
    settings["hosts"],
    user=settings["user"],
    port=settings["port"],
    pkey=settings["keyFile"],
    allow_agent=False,
    pool_size=settings["forks"],
    num_retries=1,
)
for host in client.run_command(script):
    lines = list(host.stdout)
    assert host.exit_code == 0 and lines[-1] == settings["done"], (host.host, lines, host.exit_code)
