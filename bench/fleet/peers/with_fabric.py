"""The fixed script on all hosts with Fabric: with_fabric.py <settings as JSON>."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import paramiko
from fabric import Config, Connection

with open(sys.argv[1]) as file:
    settings = json.load(file)
with open(settings["scriptFile"]) as file:
    script = file.read()
known = paramiko.HostKeys(settings["knownHosts"])
key = paramiko.Ed25519Key.from_private_key_file(settings["keyFile"])
config = Config(lazy=True)
options = {"pkey": key, "look_for_keys": False, "allow_agent": False}


def work(host):
    with Connection(
        host, user=settings["user"], port=settings["port"], config=config, connect_kwargs=options
    ) as connection:
        connection.client.get_host_keys().update(known)
        connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        return connection.run(script, hide=True, in_stream=False).stdout


with ThreadPoolExecutor(settings["forks"]) as pool:
    outputs = list(pool.map(work, settings["hosts"]))
assert all(output.endswith(settings["done"] + "\n") for output in outputs)
