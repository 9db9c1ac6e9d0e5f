"""Ansible's own answers, one JSON line for each JSON line: the code of ansible-inventory itself."""

import json
import os
import sys

# an empty one, so that neither the working folder nor the user's home changes the answers
os.environ['ANSIBLE_CONFIG'] = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ansible.cfg')
os.environ.setdefault('ANSIBLE_LOCALHOST_WARNING', 'false')

from ansible import context
from ansible.cli.inventory import InventoryCLI
from ansible.inventory.manager import InventoryManager
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret
from ansible.plugins.loader import init_plugin_loader
from ansible.plugins.vars import host_group_vars
from ansible.template import Templar
from ansible.utils.display import Display
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

ANSWERS = sys.stdout
sys.stdout = sys.stderr
Display().display = lambda *args, **kwargs: None


def arguments(**changes):
    base = dict(yaml=False, toml=False, export=False, show_vars=False, pattern='all', subset=None,
                basedir=None, verbosity=0)
    context.CLIARGS = ImmutableDict({**base, **changes})


def load(case):
    for cache in (host_group_vars.CANONICAL_PATHS, host_group_vars.FOUND, host_group_vars.NAK):
        cache.clear()
    arguments(basedir=case.get('playbook'))
    loader = DataLoader()
    if case.get('vault'):
        loader.set_vault_secrets([('default', VaultSecret(case['vault'].encode()))])
    if case.get('playbook'):
        loader.set_basedir(case['playbook'])
    manager = InventoryManager(loader=loader, sources=case['sources'])
    cli = InventoryCLI(['ansible-inventory', '--list'])
    cli.loader, cli.inventory = loader, manager
    cli.vm = VariableManager(loader=loader, inventory=manager)
    if case.get('playbook'):
        cli.vm.safe_basedir = True
    return cli


def answer(case):
    cli = load(case)
    manager, answers = cli.inventory, {}
    if not manager._inventory.processed_sources:
        raise ValueError('no source could be parsed')
    basedir = case.get('playbook')
    if case.get('dump'):
        answers['list'] = cli.dump(cli.json_inventory(cli._get_group('all')))
        answers['hosts'] = {name: cli.dump(cli._get_host_variables(manager.get_host(name)))
                            for name in manager.hosts}
        answers['graph'] = cli.inventory_graph()
        arguments(export=True, basedir=basedir)
        answers['export'] = cli.dump(cli.json_inventory(cli._get_group('all')))
        arguments(yaml=True, basedir=basedir)
        answers['yaml'] = cli.dump(cli.yaml_inventory(cli._get_group('all')))
        arguments(show_vars=True, basedir=basedir)
        answers['graphVars'] = cli.inventory_graph()
    answers['patterns'] = [selected(manager, pattern, None) for pattern in case.get('patterns', [])]
    answers['limited'] = [selected(manager, *pair) for pair in case.get('limited', [])]
    if case.get('render'):
        answers['rendered'] = rendered(cli, case['render'])
    return answers


def selected(manager, pattern, limit):
    try:
        manager.subset(limit)
        return [host.name for host in manager.get_hosts(pattern)]
    except Exception as error:
        return str(error)


def rendered(cli, name):
    cli.vm.hostvars = HostVars(inventory=cli.inventory, variable_manager=cli.vm, loader=cli.loader)
    variables = cli.vm.get_vars(host=cli.inventory.get_host(name))
    templar, results = Templar(loader=cli.loader, variables=variables), {}
    for key in [key for key in variables if key.startswith('t_')]:
        try:
            results[key] = {'value': json.loads(cli.dump(templar.template(variables[key])))}
        except Exception as error:
            results[key] = {'error': str(error)}
    return results


arguments()
init_plugin_loader()
for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except BaseException as error:
        result = {'error': str(error)}
    print(json.dumps(result), file=ANSWERS, flush=True)
