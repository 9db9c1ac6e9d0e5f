import fc from 'fast-check';

const word = fc.constantFrom(
  ...['all', 'ungrouped', 'g1', 'g2', 'g3', 'g-4', 'h1', 'h2', 'h01', 'h4.example.com', '10.0.0.1'],
  ...[
    '*',
    'h*',
    'g*',
    'h?',
    'h[12]',
    'h[!1]',
    'g[1-3]',
    '*.example.com',
    '10.*',
    'nope',
    'h[1:3]',
    '?*',
  ],
  ...[
    '~h[0-9]+',
    '~.*1$',
    '~(g1|h2)',
    '~g',
    'h[',
    'h]',
    '[]',
    'a*l',
    'localhost',
    '127.0.0.1',
    'g1:80',
  ],
);
const subscript = fc.constantFrom(
  '',
  '',
  '',
  '',
  '[0]',
  '[-1]',
  '[1]',
  '[0:1]',
  '[1:]',
  '[0:0]',
  '[5:9]',
  '[2-3]',
  '[7]',
);
const sign = fc.constantFrom('', '', '', '&', '!');

/** Host patterns; with subscripts only where hosts have one order (no nesting). */
export const patterns = (subscripts: boolean): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(fc.tuple(sign, word, subscripts ? subscript : fc.constant('')), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.constantFrom(',', ':', ', ', ' ,', ',,'),
    )
    .map(([parts, separator]) => parts.map((part) => part.join('')).join(separator));

/** What `--limit` gets; `@file` in it stands for a file of parts, one a line. */
export const limits = (subscripts: boolean): fc.Arbitrary<{ parts: string; file: string }> =>
  fc.record({
    parts: fc.oneof(
      patterns(subscripts),
      fc.constant('@file'),
      patterns(subscripts).map((pattern) => `@file,${pattern}`),
    ),
    // an empty file is an error here and means all hosts there
    file: fc
      .tuple(word, fc.array(fc.oneof(word, fc.constant('  ')), { maxLength: 3 }))
      .map(([first, rest]) => `${[...rest, first].join('\n')}\n`),
  });
