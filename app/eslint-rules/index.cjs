// House rules of the app. Every message says what to do instead.
'use strict';

const path = require('node:path');

const slash = (file) => file.split(path.sep).join('/');
const inSrc = (context) => {
  const file = slash(context.filename);
  const at = file.lastIndexOf('/src/');
  return at < 0 ? null : file.slice(at + 5);
};

const COLOUR = /^#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$|^(?:rgb|hsl)a?\(/i;

const tokensOnly = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      colour:
        'Colour written out. Take it from the theme: `const { c } = useTheme()`, then a role such as `c.text.primary`. A new role belongs in src/design/tokens.json.',
    },
  },
  create: (context) => {
    const file = inSrc(context);
    if (file === null || file.startsWith('design/')) return {};
    return {
      Literal(node) {
        if (typeof node.value === 'string' && COLOUR.test(node.value))
          context.report({ node, messageId: 'colour' });
      },
    };
  },
};

const RAW = new Set([
  'View',
  'Text',
  'Pressable',
  'TouchableOpacity',
  'TouchableHighlight',
  'Button',
  'Image',
  'FlatList',
  'SectionList',
  'Modal',
  'Switch',
]);
const ownPrimitives = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      raw: '`{{name}}` of react-native outside src/design. Use the primitive of src/design (Box, Row, Text, Touchable, Button, Sheet, Scroll, WindowList), or add one there.',
    },
  },
  create: (context) => {
    const file = inSrc(context);
    if (file === null || file.startsWith('design/')) return {};
    return {
      ImportDeclaration(node) {
        if (node.source.value !== 'react-native') return;
        for (const each of node.specifiers) {
          const name = each.imported?.name;
          if (RAW.has(name) && each.importKind !== 'type' && node.importKind !== 'type') {
            context.report({ node: each, messageId: 'raw', data: { name } });
          }
        }
      },
    };
  },
};

const SPOKEN = new Set([
  'label',
  'title',
  'text',
  'placeholder',
  'hint',
  'help',
  'note',
  'closeLabel',
  'aria-label',
  'accessibilityLabel',
  'accessibilityHint',
]);
const WORD = /[A-Za-z]{2,}/;
const stringsInI18n = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      words:
        "Words written into a component. Put them in src/i18n/en/ and print `t('area.key')`, so that another language is one table.",
    },
  },
  create: (context) => {
    const file = inSrc(context);
    if (file === null || file.startsWith('i18n/') || /\.test\.tsx?$/.test(file)) return {};
    return {
      JSXText(node) {
        if (WORD.test(node.value)) context.report({ node, messageId: 'words' });
      },
      JSXAttribute(node) {
        if (
          SPOKEN.has(node.name.name) &&
          node.value?.type === 'Literal' &&
          WORD.test(String(node.value.value))
        ) {
          context.report({ node, messageId: 'words' });
        }
      },
    };
  },
};

const kebabCase = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      name: 'File name `{{name}}`. Write it in kebab-case: `price-chart.tsx`. Routes of expo-router keep their brackets.',
    },
  },
  create: (context) => ({
    Program(node) {
      const file = inSrc(context);
      if (file === null || file.startsWith('app/')) return;
      const name = path.basename(file);
      if (!/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:web|native|ios|android|test|d))*\.tsx?$/.test(name)) {
        context.report({ node, messageId: 'name', data: { name } });
      }
    },
  }),
};

const noBarrels = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      barrel:
        'A file that only passes on other files. Import from the file that defines the name: that keeps chunks small and cycles visible.',
    },
  },
  create: (context) => {
    const file = inSrc(context);
    if (file === null || file.startsWith('app/')) return {};
    const report = (node) => context.report({ node, messageId: 'barrel' });
    return {
      ExportAllDeclaration: report,
      Program(node) {
        if (/(?:^|\/)index\.tsx?$/.test(file)) report(node);
      },
    };
  },
};

const routesReexport = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      route:
        'A route file is one re-export. Put the component into src/shell or a feature and write `export { X as default } from …`.',
    },
  },
  create: (context) => ({
    Program(node) {
      const file = inSrc(context);
      if (file === null || !file.startsWith('app/')) return;
      const only =
        node.body.length === 1 &&
        node.body[0].type === 'ExportNamedDeclaration' &&
        node.body[0].source !== null;
      if (!only) context.report({ node, messageId: 'route' });
    },
  }),
};

const counted = (source, from, to) => {
  const lines = source.lines.slice(from - 1, to);
  const comments = new Set();
  for (const comment of source.getAllComments()) {
    for (let line = comment.loc.start.line; line <= comment.loc.end.line; line += 1) {
      const before = source.lines[line - 1].slice(
        0,
        line === comment.loc.start.line ? comment.loc.start.column : 0,
      );
      if (before.trim() === '') comments.add(line);
    }
  }
  return lines.filter((text, index) => text.trim() !== '' && !comments.has(from + index)).length;
};

const FILE_MAX = 250;
const FUNCTION_MAX = 70;

const fileLength = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: {
      long: '{{lines}} lines of code, at most {{max}}. Split by use: a part with its own state becomes a component, pure decisions go to model.ts.',
    },
  },
  create: (context) => ({
    'Program:exit'(node) {
      const lines = counted(context.sourceCode, 1, context.sourceCode.lines.length);
      if (lines > FILE_MAX)
        context.report({
          loc: { line: 1, column: 0 },
          node,
          messageId: 'long',
          data: { lines, max: FILE_MAX },
        });
    },
  }),
};

const functionLength = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: {
      long: '{{lines}} lines in one function, at most {{max}}. Take out what has a name of its own: a smaller component, a hook, or a pure function in model.ts.',
    },
  },
  create: (context) => {
    const check = (node) => {
      const lines = counted(context.sourceCode, node.loc.start.line, node.loc.end.line);
      if (lines > FUNCTION_MAX)
        context.report({
          node,
          loc: node.loc.start,
          messageId: 'long',
          data: { lines, max: FUNCTION_MAX },
        });
    };
    return {
      FunctionDeclaration: check,
      FunctionExpression: check,
      ArrowFunctionExpression: check,
    };
  },
};

// What a layer may import, from the top down. Types of the wire are everybody's.
const LAYERS = ['app', 'shell', 'features', 'stream', 'api', 'design', 'i18n', 'lib'];
const layers = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      up: '`{{from}}` imports `{{to}}`, which is above it. Layers go app > shell > features > stream > api > design > i18n > lib. Move what both need down, or pass it in.',
      sideways:
        'Feature `{{from}}` imports feature `{{to}}`. Features do not know each other: compose them in src/shell, or move what both need to stream, api or lib.',
      relative: 'Relative import. Write the path from the root: `@/design/text`.',
    },
  },
  create: (context) => {
    const file = inSrc(context);
    if (file === null) return {};
    const [layer, part] = file.split('/');
    const check = (node) => {
      const target = node.source?.value;
      if (typeof target !== 'string') return;
      if (target.startsWith('.') && !/\.test\.tsx?$/.test(file))
        context.report({ node, messageId: 'relative' });
      if (!target.startsWith('@/')) return;
      const [to, toPart] = target.slice(2).split('/');
      if (LAYERS.indexOf(to) >= 0 && LAYERS.indexOf(to) < LAYERS.indexOf(layer)) {
        context.report({ node, messageId: 'up', data: { from: layer, to } });
      }
      if (layer === 'features' && to === 'features' && toPart !== part) {
        context.report({ node, messageId: 'sideways', data: { from: part, to: toPart } });
      }
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check };
  },
};

module.exports = {
  rules: {
    'tokens-only': tokensOnly,
    'own-primitives': ownPrimitives,
    'strings-in-i18n': stringsInI18n,
    'kebab-case': kebabCase,
    'no-barrels': noBarrels,
    'routes-reexport': routesReexport,
    'file-length': fileLength,
    'function-length': functionLength,
    layers,
  },
};
