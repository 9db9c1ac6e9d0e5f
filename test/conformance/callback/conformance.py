"""Writes what a run of Ansible did as JSON lines."""

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: conformance
    type: stdout
    short_description: JSON lines for a comparison
    description: JSON lines for a comparison
"""


def plain(value):
    """A value in types that JSON has: Ansible tags its own."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items() if not str(key).startswith('_ansible')}
    if isinstance(value, (list, tuple, set)):
        return [plain(inner) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    return str(value)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = 'stdout'
    CALLBACK_NAME = 'conformance'

    def __init__(self):
        super().__init__()
        self.file = open(os.environ['CONFORMANCE_ANSWER'], 'a')
        self.manager = None

    def tell(self, **event):
        print(json.dumps(plain(event)), file=self.file, flush=True)

    def result(self, status, result, item=False):
        values = result._result
        # An include tells of itself below, once it is read; what `meta` does is no task's result.
        if result._task.action == 'meta' or (status == 'ok' and 'include_args' in values):
            return
        if 'results' in values and not item and result._task.loop is not None and values['results']:
            return
        event = {'type': 'result', 'host': result._host.get_name(), 'task': result._task.get_name(),
                 'status': 'changed' if status == 'ok' and values.get('changed') else status}
        if item:
            event['item'] = str(values.get('_ansible_item_label', values.get('item')))
        self.tell(**event)

    def v2_playbook_on_play_start(self, play):
        self.manager = play.get_variable_manager()
        self.tell(type='play', name=play.get_name())

    def v2_playbook_on_task_start(self, task, is_conditional):
        if task.action != 'meta':
            self.tell(type='task', name=task.get_name())

    def v2_playbook_on_handler_task_start(self, task):
        self.tell(type='handler', name=task.get_name())

    def v2_playbook_on_include(self, included_file):
        loop = included_file._task.loop_control
        item = included_file._vars.get((loop and loop.loop_var) or 'item')
        for host in included_file._hosts:
            event = {'host': host.name, 'task': included_file._task.get_name(), 'status': 'ok'}
            self.tell(type='result', **event, **({} if item is None else {'item': str(item)}))

    def v2_runner_on_ok(self, result):
        self.result('ok', result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.result('ignored' if ignore_errors else 'failed', result)

    def v2_runner_on_skipped(self, result):
        self.result('skipped', result)

    def v2_runner_on_unreachable(self, result):
        self.result('unreachable', result)

    def v2_runner_item_on_ok(self, result):
        self.result('ok', result, True)

    def v2_runner_item_on_failed(self, result):
        self.result('failed', result, True)

    def v2_runner_item_on_skipped(self, result):
        self.result('skipped', result, True)

    def v2_playbook_on_stats(self, stats):
        recap = {host: stats.summarize(host) for host in sorted(stats.processed)}
        facts = {} if self.manager is None else dict(self.manager._nonpersistent_fact_cache)
        self.tell(type='end', recap=recap, vars=facts)
