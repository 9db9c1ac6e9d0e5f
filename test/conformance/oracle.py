"""Real ansible-playbook runs, one for each JSON line: its own command line in a fork of one
process, so that only its start is shared. What happened is told by the callback plugin beside."""

import json
import os
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.update({
    'ANSIBLE_CONFIG': os.path.join(HERE, 'ansible.cfg'),
    'ANSIBLE_CALLBACK_PLUGINS': os.path.join(HERE, 'callback'),
    'ANSIBLE_STDOUT_CALLBACK': 'conformance',
})

from ansible.cli.playbook import PlaybookCLI


def run(case):
    os.chdir(case['folder'])
    os.environ['CONFORMANCE_ANSWER'] = case['answer']
    for number in (0, 1, 2):
        mode = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open('/dev/null' if number == 0 else case['answer'] + '.log', mode, 0o600), number)
    try:
        PlaybookCLI.cli_executor(['ansible-playbook', *case['arguments']])
    except SystemExit as end:
        return end.code or 0
    except BaseException:
        traceback.print_exc()
        return 250
    return 0


for line in sys.stdin:
    case = json.loads(line)
    child = os.fork()
    if child == 0:
        code = run(case)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
