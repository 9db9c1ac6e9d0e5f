"""Ansible's own arithmetic, one JSON line for each JSON line: the method that cuts hosts into
batches, and the two statements of the linear strategy that compare failures with the limit."""

import ast
import inspect
import json
import sys
import textwrap
from types import SimpleNamespace

from ansible.executor.playbook_executor import PlaybookExecutor
from ansible.plugins.strategy.linear import StrategyModule


def statements_of_limit():
    tree = ast.parse(textwrap.dedent(inspect.getsource(StrategyModule.run)))
    assign = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)
              and ast.unparse(node.targets[0]) == 'percentage']
    test = [node for node in ast.walk(tree) if isinstance(node, ast.If)
            and 'percentage' in ast.unparse(node.test) and isinstance(node.test, ast.Compare)
            and 'max_fail_percentage' not in ast.unparse(node.test)]
    if len(assign) != 1 or len(test) != 1:
        raise RuntimeError('this ansible-core compares failures elsewhere')
    module = ast.Module(body=[assign[0], ast.Assign([ast.Name('past', ast.Store())], test[0].test)],
                        type_ignores=[])
    return compile(ast.fix_missing_locations(module), 'linear.py', 'exec')


LIMIT = statements_of_limit()


def batches(hosts, serial):
    inventory = SimpleNamespace(get_hosts=lambda pattern, order: list(range(hosts)))
    executor = SimpleNamespace(_inventory=inventory)
    play = SimpleNamespace(hosts='all', order=None, serial=serial)
    return [len(batch) for batch in PlaybookExecutor._get_serialized_batches(executor, play)]


def is_past(failed, size, percentage):
    names = {
        'self': SimpleNamespace(_tqm=SimpleNamespace(_failed_hosts=range(failed))),
        'iterator': SimpleNamespace(batch_size=size,
                                    _play=SimpleNamespace(max_fail_percentage=percentage)),
    }
    exec(LIMIT, names)
    return bool(names['past'])


for line in sys.stdin:
    case = json.loads(line)
    answer = {'batches': batches(case['hosts'], case['serial']),
              'past': is_past(case['failed'], case['size'], case['percentage'])}
    print(json.dumps(answer), flush=True)
