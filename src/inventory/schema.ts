import { type ConnectionVariable, REFUSED, USED, WITHOUT_EFFECT } from './connection-catalogue.js';

/** A JSON Schema, as far as one is written here. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const TEMPLATE = { type: 'string', pattern: '\\{\\{' };

function used({ type, values, says }: ConnectionVariable): JsonSchema {
  const types = { text: ['string', 'number'], secret: ['string', 'number'], number: ['integer'] };
  const value = values
    ? { enum: [...values] }
    : { type: type === 'flag' ? ['boolean', 'string'] : [...types[type], 'null'] };
  // numbers may be quoted, and all may be templates
  const more =
    type === 'number' ? { type: 'string', pattern: '^\\s*[0-9]+\\s*$|\\{\\{' } : TEMPLATE;
  const loose = values !== undefined || type === 'number';
  return { description: says, ...(loose ? { anyOf: [value, more] } : value) };
}

function variables(): Record<string, JsonSchema> {
  const byName = Object.values(USED).flatMap((variable: ConnectionVariable) =>
    variable.names.map((name) => [name, used(variable)] as const),
  );
  const refused = Object.entries(REFUSED).map(
    ([name, reason]) => [name, { description: `Refused: ${reason}`, enum: ['', null] }] as const,
  );
  const idle = Object.entries(WITHOUT_EFFECT).map(
    ([name, reason]) => [name, { description: `Changes nothing: ${reason}` }] as const,
  );
  return Object.fromEntries([...byName, ...refused, ...idle]);
}

const names = (schema: JsonSchema): JsonSchema => ({
  anyOf: [
    { type: 'object', additionalProperties: { anyOf: [schema, { type: 'null' }] } },
    { type: ['string', 'null'] },
  ],
});

/**
 * The JSON Schema (draft 7) of a YAML inventory: its own keys, and the connection variables in it;
 * other variables may be anything. `#/definitions/variables` is that of a file in `group_vars/` or
 * `host_vars/`.
 */
export function inventorySchema(): JsonSchema {
  const ref = (name: string): JsonSchema => ({ $ref: `#/definitions/${name}` });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Inventory of hosts, as Ansible and caravan read it',
    type: 'object',
    additionalProperties: ref('group'),
    definitions: {
      group: {
        type: ['object', 'null'],
        additionalProperties: false,
        properties: {
          hosts: {
            description: 'Hosts by name, each with its variables; ranges such as node[01:20]',
            ...names(ref('variables')),
          },
          children: { description: 'Groups in this group', ...names(ref('group')) },
          vars: {
            description: 'Variables of all hosts in the group',
            anyOf: [ref('variables'), { type: 'null' }],
          },
        },
      },
      variables: {
        type: 'object',
        properties: {
          ansible_group_priority: {
            description: 'of groups at one depth, the higher wins (default 1); only in vars',
            type: 'integer',
          },
          ...variables(),
        },
      },
    },
  };
}
