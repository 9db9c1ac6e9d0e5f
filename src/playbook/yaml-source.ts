import {
  LineCounter,
  parseDocument,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Document,
  type Node,
  type ScalarTag,
  type Tags,
} from 'yaml';
import { SealedText, UnsafeText } from '../inventory/marked-text.js';
import { BOOL, FLOAT, INT, readBool, readFloat, readInt } from '../inventory/yaml-scalars.js';
import { CaravanError } from '../values/error.js';
import type { Source } from './model.js';

const tagOf = (name: string): string => `tag:yaml.org,2002:${name}`;

/** Scalars that PyYAML reads in other forms than YAML 1.1 has them. */
const SCALARS: ScalarTag[] = [
  { tag: tagOf('bool'), default: true, test: BOOL, resolve: readBool },
  { tag: tagOf('float'), default: true, test: FLOAT, resolve: readFloat },
  { tag: tagOf('int'), default: true, test: INT, resolve: (text) => Number(readInt(text)) },
];

/** Scalars as PyYAML reads them; but a date in a playbook is wanted as the text that stands there. */
function pyYamlTags(tags: Tags): Tags {
  const replaced = [...SCALARS.map(({ tag }) => tag), tagOf('timestamp')];
  const others = tags.filter((tag) => typeof tag === 'string' || !replaced.includes(tag.tag));
  return [...others, ...SCALARS];
}

/** Opens what `ansible-vault` sealed; gives it back as it is where there is no password. */
export type OpenSealed = (sealed: SealedText, file: string) => unknown;

function markedTags(open: OpenSealed, file: string): ScalarTag[] {
  const sealed = ['!vault', '!vault-encrypted'].map((tag) => ({
    ...{ tag, resolve: (text: string) => open(new SealedText(text), file) },
  }));
  return [...sealed, { tag: '!unsafe', resolve: (text: string) => new UnsafeText(text) }];
}

/** One YAML file, with the position of every node in it. */
export class YamlSource {
  readonly #lines = new LineCounter();
  readonly document: Document;

  /** @throws CaravanError input, with the position, where the text is no YAML. */
  constructor(
    readonly file: string,
    text: string,
    open: OpenSealed = (sealed) => sealed,
  ) {
    this.document = parseDocument(text, {
      version: '1.1',
      lineCounter: this.#lines,
      customTags: (tags) => [...pyYamlTags(tags), ...markedTags(open, file)],
    });
    const error = this.document.errors[0];
    if (error === undefined) return;
    const what = error.message.split(/ at line \d|:\n/)[0] ?? error.message;
    throw new CaravanError('input', `read ${file}: not valid YAML: ${what}`, {
      source: this.#at(error.pos[0]),
    });
  }

  #at(offset: number): Source {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.file}:${line}:${col}`;
  }

  /** `file:line:column` of a node; the file's start where there is none. */
  at(node: unknown): Source {
    const range = (node as Partial<Node> | null | undefined)?.range;
    return this.#at(range?.[0] ?? 0);
  }

  /** The node an alias stands for; any other node itself. */
  deref(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.document) : node;
  }

  /** The node as a plain value, anchors and merges resolved. */
  value(node: unknown): unknown {
    const inner = this.deref(node);
    if (isScalar(inner)) return inner.value;
    if (isMap(inner) || isSeq(inner)) return inner.toJS(this.document) as unknown;
    return null;
  }

  /** Where each value under a node stands, by path (`a.b.0`). */
  sources(node: unknown, path = '', into = new Map<string, Source>()): Map<string, Source> {
    const inner = this.deref(node);
    into.set(path, this.at(node));
    const below = (key: string): string => (path === '' ? key : `${path}.${key}`);
    if (isMap(inner)) {
      for (const { key, value } of inner.items)
        this.sources(value ?? key, below(String(isScalar(key) ? key.value : key)), into);
    } else if (isSeq(inner)) {
      inner.items.forEach((item, index) => this.sources(item, below(String(index)), into));
    }
    return into;
  }

  /** An error at a node. */
  fail(node: unknown, message: string, hint?: string): CaravanError {
    return new CaravanError('input', message, {
      source: this.at(node),
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
