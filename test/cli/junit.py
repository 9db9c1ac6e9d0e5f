"""Reads JUnit XML from standard input with a strict parser; writes it as JSON."""

import json
import sys
from xml.etree import ElementTree


def read(element):
    return {
        'name': element.tag,
        'attributes': element.attrib,
        'text': element.text or '',
        'children': [read(child) for child in element],
    }


print(json.dumps(read(ElementTree.fromstring(sys.stdin.buffer.read()))))
