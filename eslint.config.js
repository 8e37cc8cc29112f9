import tseslint from 'typescript-eslint'

const restricted = {
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: 'Take a Clock: time is a dependency.' },
    { object: 'AbortSignal', property: 'any', message: 'Use childController: a combined signal keeps memory on its parent.' },
    { object: 'process', property: 'exit', message: 'Set process.exitCode in core/cli.' },
    { object: 'process', property: 'env', message: 'The environment is read in core/config only.' },
  ],
  'no-restricted-globals': ['error', { name: 'setInterval', message: 'Use sleep in a loop that a signal ends.' }],
}

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'core/api/types/**', 'core/api/{kinds,kind-table,schema-data}.ts', '*.js', '*.cjs'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      'no-console': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      'max-params': ['error', 4],
      'max-depth': ['error', 4],
      'max-lines': ['warn', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['warn', { max: 50, skipBlankLines: true, skipComments: true }],
      complexity: ['warn', 12],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      ...restricted,
    },
  },
  {
    files: ['**/*.test.ts', 'tests/**/*.ts'],
    rules: {
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: ['it', 'test', 'describe', 'suite'], package: 'node:test' }] },
      ],
      'max-lines-per-function': 'off',
      'max-lines': 'off',
      'no-restricted-properties': 'off',
    },
  },
  { files: ['scripts/**/*.ts', 'core/cli/**/*.ts', 'tests/bench/**/*.ts'], rules: { 'no-console': 'off' } },
  { files: ['scripts/**/*.ts', 'core/config/**/*.ts', 'core/cli/**/*.ts', 'addons/**/*.ts'], rules: { 'no-restricted-properties': 'off' } },
)
